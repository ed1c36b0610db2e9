"""The QA team's page on a call that was made by hand: quick, for what is not about listening."""

import hashlib
import json
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "review"))

from fastapi.testclient import TestClient
from review_world import PASSWORD

from redact.call import Transcript, Turn, Word
from redact.review import app, security
from redact.review.desk import Desk
from redact.review.originals import InFolder
from redact.review.place import Place
from redact.stores.opened import Stores
from redact.stores.reviews import ROLES, User
from redact.transcripts import native

BASE = "http://127.0.0.1:8765"


def tone(path: Path, seconds: int, level: int) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (level * (1 if n // 20 % 2 else -1) for n in range(8000 * seconds))
        file.writeframes(b"".join(each.to_bytes(2, "little", signed=True) for each in samples))
    return path.read_bytes()


@dataclass
class Page:
    """The application, and whoever has signed in."""

    kept: Stores
    place: app.Place
    folder: Path

    def __post_init__(self) -> None:
        self.application = app.build(self.place)
        self.public_id = self.place.desk.calls()[0].public_id

    def client(self, role: str | None = None) -> TestClient:
        client = TestClient(self.application, base_url=BASE, raise_server_exceptions=False)
        if role:
            assert client.post("/api/sign-in", json={"name": role, "password": PASSWORD}).status_code == 200
            client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
        return client


def page(root: Path, kept: Stores, said: str = "Hello <script>alert(1)</script> [PERSON_1]") -> Page:
    """The page on one call of six seconds, of which the third is masked; its original beside it."""
    out, originals = root / "outputs", root / "originals"
    out.mkdir()
    originals.mkdir()
    sound = tone(originals / "first.wav", 6, 3000)
    digest = hashlib.sha256(sound).hexdigest()
    tone(out / "first.redacted.wav", 6, 100)
    words = tuple(Word(word, 300 * n, 300 * n + 200, 0) for n, word in enumerate(said.split()))
    text = native.write(Transcript((Turn("customer", 0, words),), "en", "engine"), duration_ms=6000)
    (out / "first.redacted.json").write_text(text)
    outputs = {
        suffix: hashlib.sha256((out / f"first.redacted{suffix}").read_bytes()).hexdigest()
        for suffix in (".wav", ".json")
    }
    told = {
        "schema": "callredact.report", "version": 1, "status": "done", "language": "en", "masked_ms": 1000,
        "basis": "not recorded", "policy": {"sha256": "0" * 64}, "replacements": {"PERSON": 1}, "doubts": {},
        "input": {"sha256": digest, "duration_ms": 6000, "channels": ["customer"]}, "outputs": outputs,
        "intervals": [{"start_ms": 2000, "end_ms": 3000, "channels": [0], "entity_types": ["PERSON"]}],
    }  # fmt: skip
    (out / "first.report.json").write_text(json.dumps(told))
    reviews = kept.reviews(str(out))
    hashed = security.password_hash(PASSWORD)
    for role in ROLES:
        reviews.put_user(User(role, role), hashed)
    return Page(kept, Place(Desk(out), reviews, InFolder(originals), None, audit=kept.audit), root)
