"""The web application: its routes, what guards them, and what goes with each answer."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from redact.errors import CannotWrite, InputRejected, KeyMissing, Locked, RedactError, UsageError
from redact.review import calls, door, security, team
from redact.review.ground import guard
from redact.review.makings import Makings
from redact.review.place import Place
from redact.review.security import Refused

STATIC = Path(__file__).parent / "static"
_STATUS = {Locked: 409, InputRejected: 422, KeyMissing: 404, UsageError: 400, CannotWrite: 507}


def build(place: Place) -> FastAPI:
    """The application for a place."""
    app = FastAPI(
        title="redact review", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)],
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    app.state.place, app.state.makings = place, Makings(place.reviews)
    app.state.attempts, app.state.entry = security.Attempts(), place.entry
    for room in (door, calls, team):
        app.include_router(room.routes)
    _answer_errors(app)

    @app.middleware("http")
    async def with_headers(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await following(request)
        for name, value in security.HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        if error.status == 401 and not request.url.path.startswith("/api/"):
            return RedirectResponse("/sign-in", 303)
        return JSONResponse({"error": error.told}, error.status)

    @app.exception_handler(RedactError)
    def failed(_request: Request, error: RedactError) -> Response:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
        return JSONResponse({"error": error.reason, "message": error.message, "hint": error.hint}, status)

    @app.exception_handler(Exception)
    def unexpected(_request: Request, error: Exception) -> Response:
        # It is answered outside of `with_headers`.
        told = {"error": "unexpected", "message": type(error).__name__, "hint": ""}
        return JSONResponse(told, 500, headers=dict(security.HEADERS))
