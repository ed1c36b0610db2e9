"""The API under requests that nobody thought of: it refuses them, and never fails."""

import contextlib

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402

pytestmark = [pytest.mark.models, pytest.mark.slow]
MANY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
# Making a call anew takes seconds, and whoever signs out asks for nothing more.
LEFT_OUT = {("POST", "/api/calls/{public_id}/render"), ("POST", "/api/sign-out")}


def test_no_request_makes_it_fail(team):
    lea = team.client("lea")
    known = [team.id_of("first"), team.id_of("second")]
    schema = schemathesis.openapi.from_dict(team.application.openapi())
    asked = set()

    def ask(case):
        if "public_id" in case.path_parameters and len(str(case.path_parameters["public_id"])) % 3:
            case.path_parameters["public_id"] = known[len(str(case.path_parameters["public_id"])) % 2]
        request = case.as_transport_kwargs(base_url="http://127.0.0.1:8765")
        kept = {name: value for name, value in request.pop("headers", {}).items() if name.lower() == "content-type"}
        request.pop("cookies", None)
        answer = lea.request(**request, headers=kept, follow_redirects=False)
        assert answer.status_code < 500, (case.method, case.path, answer.text)
        asked.add((case.method.upper(), case.path))

    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in LEFT_OUT:
            for mode in schemathesis.GenerationMode:
                with contextlib.suppress(Unsatisfiable):  # what takes nothing can't be asked wrongly
                    MANY(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert len(asked) >= 15
