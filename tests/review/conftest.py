"""Redacted calls to review, made once, and the application on copies of them."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "speed"))

pytest.importorskip("fastapi")

from made import long_call
from review_world import PASSWORD, Team

from redact.options import Options
from redact.pipeline import Redactor
from redact.review import security
from redact.review.app import build
from redact.review.desk import Desk
from redact.review.originals import InFolder, Maker
from redact.review.place import Place
from redact.stores import master
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect
from redact.stores.proposals import Proposals
from redact.stores.reviews import Reviews, User

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
OPTIONS = Options(model="tiny.en", language="en", force=True)
USERS = (
    User("rita", "reviewer"),
    User("bill", "reviewer", ("billing",)),
    User("lea", "lead"),
    User("dora", "dpo"),
    User("aude", "auditor"),
    User("adam", "admin"),
    User("francine", "reviewer", language="fr"),
)


@pytest.fixture(scope="session")
def maker_redactor():
    return Redactor(OPTIONS)


@pytest.fixture(scope="session")
def made_calls(tmp_path_factory, maker_redactor):
    """Originals and their outputs: two short calls."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "originals").mkdir()
    long_call(SAMPLES / "en-card-payment.wav", 20, folder / "originals" / "first.wav")
    long_call(SAMPLES / "en-hotel-booking-dtmf.wav", 14, folder / "originals" / "second.wav")
    for path in sorted((folder / "originals").iterdir()):
        maker_redactor.redact_file(path, folder / "out")
    return folder


@pytest.fixture(scope="session")
def hashed():
    return security.password_hash(PASSWORD)


@pytest.fixture
def team(tmp_path, made_calls, maker_redactor, hashed):
    shutil.copytree(made_calls, tmp_path / "calls")
    folder = tmp_path / "calls"
    reviews = Reviews(connect(f"sqlite:///{tmp_path}/reviews.db", "qa"), "here")
    for user in USERS:
        reviews.put_user(user, hashed)
    queues = {"first": ("billing", "2026-03-01T09:30:00+00:00"), "second": ("sales", "2026-03-02T09:30:00+00:00")}
    originals = InFolder(folder / "originals")
    maker = Maker(OPTIONS, originals)
    maker._redactor = maker_redactor
    database, keyring = (
        connect(f"sqlite:///{tmp_path}/reviews.db", "qa"),
        connect(f"sqlite:///{tmp_path}/keys.db", "keyring"),
    )
    proposals = Proposals(database, "here", DataKeys(keyring, master.new()))
    place = Place(Desk(folder / "out", lambda: queues), reviews, originals, maker, proposals=proposals)
    yield Team(folder, place, build(place), database=database)
    for opened in (reviews, database, keyring):
        opened.close()
