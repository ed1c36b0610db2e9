"""What an officer does where all that is kept lies in PostgreSQL, from a real night to the audit."""

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from batch_world import DATABASES
from governance_world import ORGANISATION, Office, run
from stores_world import in_child, running_server
from subject_world import NAME, PHONE, REFERENCE, TERMS, confirmed, indexed, opened, redact

from redact.batch.archive import Archive
from redact.errors import CannotWrite, Locked
from redact.governance import breach, retention, subject_matches, subjects
from redact.governance.breach import Known
from redact.governance.check import Installation
from redact.governance.machine_checks import heads_apart, keys_apart, stores_private
from redact.governance.organisation import load
from redact.governance.places import Places
from redact.governance.security import IN_THE_STORES
from redact.governance.subject_matches import Decision
from redact.stores.cases import CLOSED
from redact.stores.database import connect
from redact.stores.opened import Stores
from redact.stores.reviews import User

MODULE = {"calls": {"title": "Calls", "roles": ["reviewer"], "valid_months": 12, "pass_score": 0.8}}


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """An office after its first night, whose databases are a server's, and a copy of its folder."""
    root, server = tmp_path_factory.mktemp("night") / "office", running_server()
    root.mkdir()
    made = Office(root, {name: server.new_database() for name in DATABASES})
    made.write({**ORGANISATION, "training": MODULE})
    assert made.world.states() == {"done": 4}
    assert made.kept.reviews("").users() == ()  # the last of the stores: all of them have their tables
    made.kept.close()
    shutil.copytree(root, root.parent / "before")
    return made


@pytest.fixture
def house(night):
    """That office, put back for each test: in its own place, for a ledger knows its archive by its path."""
    root, server = night.world.root, running_server()
    shutil.rmtree(root)
    shutil.copytree(root.parent / "before", root)
    made = Office.again(root, night.ids, {name: server.copy_of(url) for name, url in night.world.databases.items()})
    yield made
    made.kept.close()


@pytest.fixture
def rules(house):
    return load(house.world.root / "organisation.yaml")


def done(house: Office, *arguments, code: int = 0, stdin: str = "") -> str:
    ended, told, error = run(house, *arguments, stdin=stdin)
    assert ended == code, (arguments, told, error)
    return told


def test_a_day(house, rules, tmp_path):
    assert house.world.run()[0].run_id == ""  # nothing is left to do
    _access_and_erasure(house, tmp_path)
    _training_and_report(house, tmp_path)
    _retention(house, rules)
    _breach(house, tmp_path)
    assert house.world.stores().audit.verify() > 20
    _audit(house)
    assert not list(house.world.root.glob("*.db*"))


def _access_and_erasure(house: Office, folder) -> None:
    case = confirmed(house, "access")
    done(house, "subject", "export", case, "-o", folder / "pack")
    done(house, "subject", "letter", case, "answer", "-o", folder / "answer.html")
    done(house, "subject", "close", case, "--outcome", "done")
    case = confirmed(house, "erasure")
    gone, held = house.ids[:2]
    done(house, "retention", "hold", held, "--reason", "litigation")
    done(house, "subject", "erase", case, "-o", folder / "certificates.json", "--yes", code=1)
    done(house, "retention", "release", held)
    done(house, "subject", "erase", case, "-o", folder / "certificates.json", "--yes", "--force")
    assert len(json.loads((folder / "certificates.json").read_text())["certificates"]) == 2
    done(house, "subject", "close", case, "--outcome", "done", "--told-all")
    assert not house.outputs_of(gone)
    done(house, "vault", "open", gone, "-o", folder / "clear.wav", "--reason", "complaint", code=12)
    assert house.world.run()[0].run_id == ""  # what was erased is not taken up again
    assert house.world.states() == {"done": 2, "erased": 2}


def _training_and_report(house: Office, folder) -> None:
    house.kept.reviews("").put_user(User("rita", "reviewer"), "hash")
    assert "rita" in done(house, "training", "check", code=1)
    done(house, "training", "record", "rita", "--module", "calls", "--score", "0.9")
    done(house, "training", "check")
    done(house, "notice", "build", "--lang", "en,fr", "-o", folder / "notices")
    month = f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"
    done(house, "report", "monthly", "--month", month, "-o", folder / "reports")
    report = folder / "reports" / f"monthly-{month}.json"
    done(house, "report", "verify", report, code=1)
    done(house, "report", "sign", report, "--decision", "approved")
    done(house, "report", "verify", report)
    done(house, "register", "build", "-o", folder / "reports")


def _retention(house: Office, rules) -> None:
    assert re.search(r"recordings\s+6 months\s+0", done(house, "retention", "plan"))
    done(house, "retention", "apply")
    later = retention.months_after(datetime.now(UTC), 6) + timedelta(days=1)
    for wanted in ({"recordings": 2}, {}):  # one run after another, at once
        applied = retention.apply(house.kept, rules, Places(house.archives), now=later)
        assert (applied.failed, {k: n for k, n in applied.erased.items() if n and k == "recordings"}) == ({}, wanted)
    later = retention.months_after(datetime.now(UTC), 60) + timedelta(days=1)
    assert retention.apply(house.kept, rules, Places(house.archives), now=later).erased["logs"] > 0


def _breach(house: Office, folder) -> None:
    case = done(house, "breach", "open", "--nature", "confidentiality", "--risk", "high").split(":")[0]
    told = done(house, "breach", "scope", case, "--ids", "-", stdin="call-elsewhere")
    assert "0 recordings" in told or "1 recording" in told
    for text in ("nature", "consequences", "measures", "facts", "effects", "remedy"):
        done(house, "breach", "update", case, "--text", text, "-", stdin=f"{text}, in plain words\n")
    contained = done(house, "breach", "contain", case, "-o", folder / "exposed.txt")
    assert re.search(r"keys\s+done", contained)
    done(house, "vault", "open", house.ids[2], "-o", folder / "clear.wav", "--reason", "complaint", code=8)
    done(house, "breach", "notify", case, "-o", folder / "breach")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    done(house, "breach", "update", case, "--sent-at", now, "--people-told-at", now)
    done(house, "breach", "close", case)
    done(house, "breach", "register", "-o", folder / "breaches.csv")
    done(house, "breach", "drill", "-o", folder / "drill")


def _audit(house: Office) -> None:
    kept = house.world.stores()
    here = Installation(kept.settings, kept)
    made = [check(here) for check in (*IN_THE_STORES.values(), stores_private, keys_apart, heads_apart)]
    told = {check.check_id: check.result for check in made}
    assert {name for name, result in told.items() if result == "failed"} == set(), made
    assert (told["heads.apart"], told["log.whole"], told["erased.gone"]) == ("ok", "ok", "ok")
    kept.close()


class Interrupted(list):
    """What somebody goes through, and is interrupted by somebody else at its beginning, once."""

    def __init__(self, items, by):
        super().__init__(items)
        self._by = [by]

    def __iter__(self):
        if self._by:
            self._by.pop()()
        return super().__iter__()


def both(house: Office, officer: Callable[[Stores, bool], None]) -> None:
    """Have two do something at the same time, each in a process of their own, with stores of their own."""

    def two() -> None:
        child = os.fork()
        officer(Stores(house.world.settings()), bool(child))
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    house.kept.close()
    assert in_child(two) == 0


class TestTwoAtOnce:
    """What one does while another is at work, each with stores of their own."""

    def test_one_officer_decides_while_another_looks_for_more(self, house):
        case = opened(house, "erasure")
        redact(house, "subject", "find", case, "-", typed=TERMS)
        first, second, third, _ = house.ids

        def decide():
            other = house.world.stores()
            subject_matches.decide(other, house.archives, case, Decision(only=[first], by_hand=[third]))
            other.close()

        subject_matches.find(house.kept, house.archives, case, Interrupted([("phone", PHONE)], decide))
        found = {match.recording_id: match.choice for match in subjects.request(house.kept, case).matches}
        assert found == {first: "confirmed", second: "excluded", third: "confirmed"}

    def test_all_of_it_is_what_somebody_has_seen(self, house):
        """`--all` says nothing about what another officer finds at that moment."""
        case = opened(house, "erasure")
        redact(house, "subject", "find", case, "-", typed=TERMS)
        first, second, third, _ = house.ids

        def find():
            indexed(house, third, ("reference", REFERENCE))
            subject_matches.find(house.kept, house.archives, case, [("reference", REFERENCE)])

        decision = Decision(everything=True, by_hand=Interrupted([second], find))
        subject_matches.decide(house.kept, house.archives, case, decision)
        found = {match.recording_id: match.choice for match in subjects.request(house.kept, case).matches}
        assert found == {first: "confirmed", second: "confirmed", third: "found"}

    def test_two_write_texts_of_one_breach(self, house, rules):
        case = breach.open_breach(house.kept, rules, Known(natures=("confidentiality",))).case_id

        def officer(kept, is_first):
            name = "facts" if is_first else "effects"
            for turn in range(5):
                breach.update(kept, rules, case, Known(texts={name: f"{name} {turn}"}))

        both(house, officer)
        found = house.kept.cases.case(case)
        assert found.fields["texts"] == {"facts": ["en"], "effects": ["en"]}
        read = breach.sealed(house.kept, found).texts
        assert {name: text["en"] for name, text in read.items()} == {"facts": "facts 4", "effects": "effects 4"}

    def test_who_closes_last_is_told_that_it_is_closed(self, house, rules):
        case = house.kept.cases.open("request", datetime.now(UTC), {"request": "access", "matches": {}}).case_id
        house.kept.cases.change(case, "closed", state=CLOSED)
        ended = run(house, "subject", "close", case, "--outcome", "withdrawn")
        assert (ended[0], len(house.kept.cases.events(case))) == (2, 2)

    def test_retention_waits_for_nobody(self, house, rules):
        other = house.world.stores()
        with ExitStack() as held:
            held.enter_context(other.ledger.archive(Archive(house.archives[0]).url).alone())
            with pytest.raises(Locked):
                retention.apply(house.kept, rules, Places(house.archives))
        assert retention.apply(house.kept, rules, Places(house.archives)).failed == {}
        other.close()


class TestARoleOfItsOwn:
    """One that may not change tables, as docs/stores.md wants it."""

    GRANTS = (
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk",
    )

    @pytest.fixture
    def clerk(self, house):
        """A function that has the role do the work."""
        house.kept.close()
        servers = house.world.databases

        def grant(*statements: str) -> dict[str, str]:
            for url in servers.values():
                with psycopg.connect(url, autocommit=True) as connection:
                    for statement in statements:
                        connection.execute(statement)
            return {name: url.replace("postgres@", "clerk@") for name, url in servers.items()}

        with psycopg.connect(servers["records"], autocommit=True) as connection:
            connection.execute("CREATE ROLE clerk LOGIN")
        yield grant
        house.world.databases = servers
        house.kept.close()
        grant("DROP OWNED BY clerk")
        with psycopg.connect(servers["records"], autocommit=True) as connection:
            connection.execute("DROP ROLE clerk")

    def test_it_does_the_day_s_work(self, house, clerk, tmp_path):
        house.world.databases = clerk(*self.GRANTS)
        del house.__dict__["kept"]
        assert "clerk@" in house.kept.settings["governance"]
        house.world.add("new.wav", b"RIFF new")
        assert house.world.run()[0].states == {"done": 1}
        _access_and_erasure_by(house, tmp_path)
        assert house.kept.audit.verify() > 0

    def test_without_privileges_it_is_told_so(self, clerk):
        urls = clerk()
        with pytest.raises(CannotWrite, match="privilege"):
            connect(urls["governance"], "governance")
        with pytest.raises(CannotWrite, match="privilege"):
            connect(running_server().new_database().replace("postgres@", "clerk@"), "governance")


def _access_and_erasure_by(house: Office, folder) -> None:
    case = confirmed(house, "erasure")
    done(house, "subject", "erase", case, "-o", folder / "certificates.json", "--yes")
    assert NAME not in (folder / "certificates.json").read_text()
