"""What a breach exposes, what stops it, and the drill: over real sessions and keys, and a batch that was really run."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from breach_world import CLOSING, NOON, TEXTS, later, whole
from governance_world import ORGANISATION, run
from subject_world import confirmed

from redact.errors import HeldForReview, KeyMissing, UsageError
from redact.governance import breach, organisation
from redact.governance.breach import Known
from redact.governance.breach_drill import drill
from redact.governance.breach_scope import scope
from redact.governance.containment import contain, thaw
from redact.governance.erasure import erase
from redact.governance.freeze import is_frozen, require_not_frozen
from redact.governance.given_out import Asked
from redact.governance.notification import notify, register, register_file
from redact.governance.words import LANGUAGES, words
from redact.page.content import labels
from redact.stores import master
from redact.stores.audit import actor
from redact.stores.consent import Record
from redact.stores.opened import Stores
from redact.stores.reviews import User
from redact.stores.signatures import new_comment


class TestScope:
    def test_all_of_the_archives(self, office, org) -> None:
        found = scope(office.kept, org, whole(office, org), Asked(whole=True), NOON)
        assert (found.records, found.in_clear, found.types) == (4, 4, {"PERSON": 4})

    def test_what_is_sealed_is_unintelligible_until_somebody_opened_it(self, office, org) -> None:
        case = whole(office, org)
        found = scope(office.kept, org, case, Asked(whole=True, copy="sealed"), NOON)
        assert (found.sealed_only, found.in_clear, found.is_unintelligible) == (4, 0, True)
        with office.kept.audit.action("vault.open", office.ids[0]):
            pass
        found = scope(office.kept, org, case, Asked(whole=True, copy="sealed"), NOON)
        assert (found.sealed_only, found.in_clear, found.is_unintelligible) == (3, 1, False)
        office.kept.ledger.archive(str(office.world.dest)).disposed(office.world.rows()[1].source, "here")
        assert not scope(office.kept, org, case, Asked(whole=True, copy="sealed"), NOON).is_unintelligible

    def test_by_the_log(self, office, org) -> None:
        case = whole(office, org)
        opened = office.ids[:2]
        for each in (*opened, opened[0]):
            with office.kept.audit.action("vault.open", each):
                pass
        with pytest.raises(KeyMissing), office.kept.audit.action("vault.open", office.ids[2]):
            raise KeyMissing("no key", hint="none")  # refused: nothing was given out
        account = office.kept.audit.tail(1)[0].actor
        found = scope(office.kept, org, case, Asked(accounts=frozenset({account})))
        assert (found.records, found.accesses) == (2, 3)
        assert breach.sealed(office.kept, office.kept.cases.case(case)).exposed == tuple(sorted(opened))
        assert scope(office.kept, org, case, Asked(accounts=frozenset({"nobody-else"}))).records == 0
        now = datetime.now(UTC)
        assert scope(office.kept, org, case, Asked(since=now - timedelta(hours=1))).records == 2
        assert scope(office.kept, org, case, Asked(until=now - timedelta(hours=1))).records == 0

    def test_by_a_user_of_the_page(self, office, org) -> None:
        case = whole(office, org)
        reviews = office.kept.reviews(str(office.world.dest))
        reviews.put_user(User("ines", "reviewer"), "hash")
        reviews.decide(office.ids[3], "ines", "original", "quality", [])
        found = scope(office.kept, org, case, Asked(accounts=frozenset({"ines"})))
        assert breach.sealed(office.kept, office.kept.cases.case(case)).exposed == (office.ids[3],)
        assert (found.records, found.accesses) == (1, 1)

    def test_persons_are_counted_three_ways(self, office, org) -> None:
        kept, ids = office.kept, office.ids
        case = whole(office, org)
        calls = {each: Path(json.loads(b"".join(kept.vault.opened(each, "map")))[0]["source"]).stem for each in ids}
        rest = ((), "", "", "", "", "", "", "", "")
        rows = [Record(calls[ids[0]], kept.consent.pseudonym(p), "contract", *rest) for p in ("a@b", "c@d")]
        kept.consent.add([*rows, Record("another-call", kept.consent.pseudonym("e@f"), "contract", *rest)])
        kept.index.put(ids[1], [("phone", "0555010101"), ("name", "lee")])
        kept.index.put(ids[2], [("phone", "0555010101"), ("reference", "K1")])
        found = scope(kept, org, case, Asked(whole=True))
        assert (found.by_consent, found.by_terms, found.each_its_own) == (2, 1, 1)
        assert found.persons == 4

    @pytest.mark.parametrize(("original", "exposed"), [("vault", False), ("deleted", False), ("here", True)])
    def test_codes_that_are_kept_nowhere_are_not_exposed(self, office, org, tmp_path, original, exposed) -> None:
        codes = {"CREDIT_CARD_CVV": 1, "CREDENTIAL": 2}
        ledger = office.kept.ledger.archive(str(office.world.dest.resolve()))
        ledger.put([replace(office.world.rows()[0], replacements={"PERSON": 1, **codes}, original=original)])
        case = whole(office, org)
        found = scope(office.kept, org, case, Asked(whole=True), NOON)
        assert found.types == {"PERSON": 4, **(codes if exposed else {})}
        assert found.not_kept == ({} if exposed else codes)
        notify(office.kept, org, case, tmp_path, NOON)
        form = next(tmp_path.glob("*.authority.en.html")).read_text()
        assert ("kept nowhere" in form) is not exposed
        assert f"{labels('en')['types']['CREDIT_CARD_CVV']} 1" in form
        assert "CREDIT_CARD" not in form
        page = register_file(register(office.kept, "fr"), ".html", "fr")
        assert labels("fr")["types"]["PERSON"] in page
        assert "PERSON" not in page

    def test_the_command_says_that_copies_were_taken_to_be_in_clear(self, office, org) -> None:
        case = whole(office, org)
        first = office.ids[0]
        assert "--copy was not given" in run(office, "breach", "scope", case, "--whole")[1]
        for copy in ("clear", "redacted", "sealed"):
            assert "--copy was not given" not in run(office, "breach", "scope", case, "--whole", "--copy", copy)[1]
        _, told, _ = run(office, "breach", "scope", case, "--ids", "-", stdin=first)
        assert told.startswith("1 recording, about 1 person (0 on record, 0 by")
        assert "1 call counted as one each" in told

    def test_ids_a_queue_and_what_somebody_states(self, office, org) -> None:
        case = whole(office, org)
        found = scope(office.kept, org, case, Asked(ids=frozenset({office.ids[0], "call-elsewhere"})))
        assert (found.records, found.unknown) == (1, 1)
        assert breach.sealed(office.kept, office.kept.cases.case(case)).exposed == (office.ids[0],)
        assert scope(office.kept, org, case, Asked(whole=True, queues=frozenset({"sales"}))).records == 0
        found = scope(office.kept, org, case, Asked(), stated={"persons": 900, "records": 1000})
        assert (found.records, found.persons, found.stated) == (1000, 900, ("persons", "records"))
        _, told, _ = run(office, "breach", "scope", case, "--records", 1000, "--persons", 900)
        assert told.startswith("1000 recordings, about 900 persons (stated)\nstated: how many are sealed")
        for asked in (Asked(), Asked(queues=frozenset({"sales"})), Asked(actions=frozenset({"vault.peek"}))):
            with pytest.raises(UsageError):
                scope(office.kept, org, case, asked)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_of_what_is_stated_the_papers_claim_no_split(self, office, org, tmp_path, language) -> None:
        case, told = whole(office, org), words("breach", language)
        scope(office.kept, org, case, Asked(), NOON, stated={"persons": 5, "records": 10})
        notify(office.kept, org, case, tmp_path, NOON)
        form = next(tmp_path.glob(f"*.authority.{language}.html")).read_text()
        assert told["copies_unknown"] in form
        assert told["copies"].split("{")[0] not in form
        assert told["method"].split("{")[0] not in form
        assert told["agents"] not in form

    def test_papers_that_were_written_tell_nobody(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        notify(office.kept, org, case, tmp_path, NOON)
        told = run(office, "breach", "list")[1]
        assert "papers written" in told
        assert "notified" not in told
        assert json.loads(run(office, "breach", "list", "--json")[1])[0]["state"] == "prepared"
        assert "documents rédigés" in register_file(register(office.kept, "fr"), ".html", "fr")
        breach.update(office.kept, org, case, Known(sent_at=NOON), NOON)
        assert "notified" in run(office, "breach", "list")[1]


class TestExports:
    """What left in an export is counted, whoever made it, by period, account and action."""

    @pytest.fixture
    def exported(self, office):
        """A request of which the first two recordings were given out, redacted."""
        case_id = confirmed(office, "access")
        target = office.world.root / "x.redact-pack"
        assert run(office, "subject", "export", case_id, "-o", target)[0] == 0
        return case_id

    def exposed(self, office, case) -> tuple[str, ...]:
        return breach.sealed(office.kept, office.kept.cases.case(case)).exposed

    def test_a_pack_s_recordings_are_counted_as_redacted(self, office, org, exported) -> None:
        case, account = whole(office, org), actor()
        found = scope(office.kept, org, case, Asked(accounts=frozenset({account})))
        assert (found.records, found.exported, found.redacted, found.in_clear) == (2, 2, 2, 0)
        assert (found.accesses, found.others) == (1, 0)
        assert self.exposed(office, case) == tuple(office.ids[:2])
        now = datetime.now(UTC)
        for asked, count in (
            (Asked(since=now - timedelta(hours=1)), 2), (Asked(until=now - timedelta(hours=1)), 0),
            (Asked(actions=frozenset({"subject.export"})), 2), (Asked(actions=frozenset({"vault.open"})), 0),
            (Asked(accounts=frozenset({"nobody-else"})), 0),
        ):  # fmt: skip
            assert scope(office.kept, org, case, asked).records == count
        _, told, _ = run(office, "breach", "scope", case, "--account", account)
        assert "2 recordings of these left in exports" in told

    def test_what_was_opened_too_or_is_named_or_heard_is_in_clear(self, office, org, exported) -> None:
        case, account = whole(office, org), frozenset({actor()})
        with office.kept.audit.action("vault.open", office.ids[0]):
            pass
        found = scope(office.kept, org, case, Asked(accounts=account))
        assert (found.records, found.redacted, found.in_clear, found.accesses) == (2, 1, 1, 2)
        found = scope(office.kept, org, case, Asked(accounts=account, ids=frozenset(office.ids[:2])))
        assert (found.redacted, found.in_clear) == (0, 2)
        found = scope(office.kept, org, case, Asked(accounts=account, ids=frozenset(office.ids), copy="sealed"))
        assert (found.sealed_only, found.redacted, found.in_clear) == (2, 1, 1)
        with office.kept.audit.action("subject.export", exported, reason="own_voice"):
            pass  # nothing noted which, so all that were confirmed
        found = scope(office.kept, org, case, Asked(accounts=account))
        assert (found.records, found.redacted, found.in_clear) == (2, 0, 2)

    def test_one_that_was_refused_gave_nothing_out_and_one_that_was_killed_did(self, office, org) -> None:
        case, request = whole(office, org), confirmed(office, "access")
        with pytest.raises(KeyMissing), office.kept.audit.action("subject.export", request):
            raise KeyMissing("no key", hint="none")
        assert scope(office.kept, org, case, Asked(accounts=frozenset({actor()}))).records == 0
        office.kept.audit.add("subject.export", "begun", request)
        found = scope(office.kept, org, case, Asked(accounts=frozenset({actor()})))
        assert (found.records, found.exported) == (2, 2)

    def test_what_was_erased_since_counts_and_a_request_that_is_gone_is_told(self, office, org, exported) -> None:
        case, account = whole(office, org), frozenset({actor()})
        erase(office.kept, office.archives, office.ids[0], reason="request")
        found = scope(office.kept, org, case, Asked(accounts=account))
        assert (found.records, found.others) == (2, 0)
        office.kept.cases.erase(exported)
        found = scope(office.kept, org, case, Asked(accounts=account))
        assert (found.records, found.accesses, found.others) == (0, 1, 1)

    def test_terms_that_were_written_out_are_of_their_calls(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        proposals = office.kept.proposals(str(office.world.dest.resolve()))
        proposals.add(office.ids[2], "rita", "allow", "Blauwe Reiger")
        proposals.decide(proposals.all()[0].number, "lea", accept=True)
        out = tmp_path / "terms.yaml"
        assert run(office, "review", office.world.dest, "--team", "--export-terms", out)[0] == 0
        assert "Blauwe Reiger" in out.read_text()
        rows = [e for e in office.kept.audit.entries() if e.action == "review.export"]
        assert [(e.outcome, e.object_id, e.reason) for e in rows] == [
            ("begun", office.ids[2], "terms"), ("done", office.ids[2], "terms")
        ]  # fmt: skip
        found = scope(office.kept, org, case, Asked(accounts=frozenset({actor()})))
        assert (found.records, found.exported, found.in_clear) == (1, 1, 1)
        assert run(office, "review", office.world.dest, "--team", "--export-gold", tmp_path / "gold")[0] == 0
        assert scope(office.kept, org, case, Asked(actions=frozenset({"review.export"}))).records == 1

    def test_the_log_has_no_recording_in_it_and_that_it_left_is_told(self, office, org) -> None:
        case = whole(office, org)
        assert run(office, "audit", "export")[0] == 0
        code, told, _ = run(office, "breach", "scope", case, "--account", actor())
        assert (code, "the log was exported 1 time: ids and accounts, no recording" in told) == (0, True)
        assert told.startswith("0 recordings")

    def test_a_comment_that_was_opened_is_no_recording(self, office, org) -> None:
        case, comment = whole(office, org), new_comment("monthly-2026-02")
        office.kept.vault.seal(BytesIO(b"well"), comment, "case")
        with office.kept.audit.action("vault.open", comment, reason="comment"):
            pass
        found = scope(office.kept, org, case, Asked(accounts=frozenset({actor()})))
        assert (found.records, found.others) == (0, 1)

    def test_ids_that_nothing_is_known_of_are_told_apart(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        ids = f"{office.ids[0]}\ncall-0000000000000000\n{case}\n"
        _, told, _ = run(office, "breach", "scope", case, "--ids", "-", stdin=ids)
        assert told.startswith("1 recording, about 1 person")
        assert "2 ids are of no recording here, and not counted" in told
        assert self.exposed(office, case) == (office.ids[0],)
        scoped = [event.detail for event in office.kept.cases.events(case) if event.what == "scoped"]
        assert scoped[-1]["unknown_ids"] == 2
        _, told, _ = run(office, "breach", "scope", case, "--ids", "-", "--json", stdin=ids)
        assert (json.loads(told)["unknown"], json.loads(told)["records"]) == (2, 1)

    @pytest.mark.parametrize(
        ("language", "said"), [("en", "made with this system: 2."), ("fr", "faits avec ce système : 2.")]
    )
    def test_the_form_says_what_left_in_exports(self, office, org, exported, tmp_path, language, said) -> None:
        case = whole(office, org)
        scope(office.kept, org, case, Asked(accounts=frozenset({actor()})), NOON)
        notify(office.kept, org, case, tmp_path, NOON)
        form = next(tmp_path.glob(f"*.authority.{language}.html")).read_text()
        assert said in form.replace("\u00a0", " ").replace("\u202f", " ")


class TestContaining:
    def test_all_of_it_really_happens(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        reviews = office.kept.reviews(str(office.world.dest))
        reviews.put_user(User("ines", "reviewer"), "hash")
        tokens = [reviews.begin_session("ines") for _ in range(2)]
        ring = office.world.root / "master.keys"
        old = master.read(ring)
        original = b"".join(office.kept.vault.opened(office.ids[0], "original"))
        code, told, _ = run(office, "breach", "contain", case, "-o", tmp_path / "ids.txt")
        assert code == 0, told
        assert all(reviews.session(token) is None for token in tokens)
        new = master.read(ring)
        assert set(old.secrets) & set(new.secrets) == set()
        assert old.current not in ring.read_text()
        office.kept.close()
        kept = Stores(office.world.settings())
        assert set(kept.keys.by_master()) == {new.current}
        assert b"".join(kept.vault.opened(office.ids[0], "original")) == original
        assert breach.sealed(kept, kept.cases.case(case)).texts["nature"] == {"en": TEXTS["nature"]}
        assert (tmp_path / "ids.txt").read_text().split() == office.ids
        assert (tmp_path / "ids.txt").stat().st_mode & 0o077 == 0
        steps = kept.cases.case(case).fields["contained"]
        assert {name: (step["result"], step["count"]) for name, step in steps.items()} == {
            "exports": ("done", 1), "sessions": ("done", 2), "ids": ("done", 4),
            "keys": ("done", sum(kept.keys.by_master().values())),
        }  # fmt: skip
        assert all(step["actor"] and step["at"] for step in steps.values())
        kept.audit.verify()
        kept.close()

    def test_nothing_goes_out_in_clear_until_it_is_lifted_or_closed(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        opening = ("vault", "open", office.ids[0], "-o", tmp_path / "clear.wav", "--reason", "complaint", "--force")
        contain(office.kept, case, ["exports"])
        assert is_frozen(office.kept)
        code, _, error = run(office, *opening)
        assert (code, error.reason) == (8, "frozen")
        assert not (tmp_path / "clear.wav").exists()
        with pytest.raises(HeldForReview):
            require_not_frozen(office.kept)
        thaw(office.kept, case)
        assert run(office, *opening)[0] == 0
        contain(office.kept, case, ["exports"])
        breach.close(office.kept, org, case, Known(texts=CLOSING, sent_at=NOON, persons_told_at=NOON))
        assert not is_frozen(office.kept)
        assert run(office, *opening)[0] == 0

    def test_one_step_that_fails_keeps_no_other_from_being_done(self, office, org, tmp_path) -> None:
        case = whole(office, org)
        (tmp_path / "ids.txt").write_text("somebody else's")
        with master.locked(office.world.root / "master.keys"):
            code, told, _ = run(office, "breach", "contain", case, "-o", tmp_path / "ids.txt")
        assert code == 1
        assert "Locked" in told
        assert "rotate --resume" in told
        steps = office.kept.cases.case(case).fields["contained"]
        assert {name: step["result"] for name, step in steps.items()} == {
            "exports": "done", "sessions": "done", "ids": "CannotWrite", "keys": "Locked",
        }  # fmt: skip
        assert (tmp_path / "ids.txt").read_text() == "somebody else's"
        outcomes = [e.outcome for e in office.kept.audit.entries() if e.action == "breach.contain"]
        assert outcomes.count("refused") == 2


class TestDrill:
    def test_it_takes_less_than_a_minute_and_touches_nothing(self, office, tmp_path) -> None:
        (office.world.root / "organisation.fr.yaml").write_text(
            "controller: { name: Hôtels Alcyon }\n", encoding="utf-8"
        )
        spoken = organisation.spoken(office.world.root / "organisation.yaml")
        reviews = office.kept.reviews(str(office.world.dest))
        reviews.put_user(User("ines", "reviewer"), "hash")
        token = reviews.begin_session("ines")
        ring = (office.world.root / "master.keys").read_bytes()
        done = drill(office.kept, spoken, tmp_path)
        assert ["Hôtels Alcyon" in paper.read_text() for paper in sorted(done.folder.glob("*.authority.*"))] == [
            False,
            True,
        ]
        assert done.total_s < 60
        assert (done.records, done.sessions, done.missing) == (4, 1, ())
        assert done.keys == sum(office.kept.keys.by_master().values())
        assert reviews.session(token) is not None
        assert (office.world.root / "master.keys").read_bytes() == ring
        assert not is_frozen(office.kept)
        case = office.kept.cases.case(done.case_id)
        assert case.state == "closed"
        assert not breach.is_overdue(case, later(10_000))
        assert register(office.kept, "en") == []
        names = {path.name for path in done.folder.iterdir()}
        assert {"drill.en.html", "drill.fr.html", "drill.json"} <= names
        for language in ("en", "fr"):
            banner = words("breach", language)["drill_banner"]
            papers = [path for path in done.folder.glob(f"*.{language}.html") if not path.name.startswith("drill.")]
            assert len(papers) == 3
            assert all(banner in paper.read_text() for paper in papers)
        assert {e.reason for e in office.kept.audit.entries() if e.action.startswith("breach.")} >= {"drill", "keys"}

    def test_it_tells_what_was_missing_and_goes_on(self, office, tmp_path) -> None:
        office.write({**ORGANISATION, "dpo": {}, "controller": {"name": "Halcyon"}, "authority": {}})
        code, told, _ = run(office, "breach", "drill", "-o", tmp_path / "drill")
        assert code == 1
        assert "missing: organisation.dpo, organisation.authority" in told
        report = next((tmp_path / "drill").rglob("drill.fr.html")).read_text()
        assert words("breach", "fr")["organisation_dpo"].partition(",")[0] in report
        assert json.loads(next((tmp_path / "drill").rglob("drill.json")).read_text())["records"] == 4
