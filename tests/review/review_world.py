"""What the tests of the page share."""

from dataclasses import dataclass, field
from pathlib import Path

from fastapi.testclient import TestClient

from redact.review.place import Place
from redact.stores.database import Database

PASSWORD = "correct horse battery"  # noqa: S105
BASE = "http://127.0.0.1:8765"


@dataclass
class Team:
    """The application, and clients of it who have signed in."""

    folder: Path
    place: Place
    application: object
    database: Database | None = None
    clients: dict[str, TestClient] = field(default_factory=dict)

    def client(self, name: str | None = None) -> TestClient:
        if name is None:
            return TestClient(self.application, base_url=BASE)
        if name not in self.clients:
            client = TestClient(self.application, base_url=BASE)
            answer = client.post("/api/sign-in", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
            self.clients[name] = client
        return self.clients[name]

    def id_of(self, name: str) -> str:
        return next(call.public_id for call in self.place.desk.calls() if call.name == name)
