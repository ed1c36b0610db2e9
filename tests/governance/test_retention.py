"""Retention by a fake clock: what is due is erased and certified, whatever interrupts it; what is on hold stays."""

import hashlib
import io
import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest
from governance_world import ORGANISATION, back_up, restore, run
from sqlalchemy import text
from stores_world import in_child

from redact import naming
from redact.cli.main import cli
from redact.custody import sources_of
from redact.errors import KeyMissing, NoLawfulBasis, PolicyError
from redact.governance import erasure, holds, monthly, retention, signing
from redact.governance.months import Month, months_after
from redact.governance.organisation import load
from redact.governance.places import Places
from redact.stores.certificates import Certificates
from redact.stores.consent import Record
from redact.stores.ledger import Archived
from redact.stores.marks import Marks
from redact.stores.signatures import is_comment, new_comment
from redact.stores.vault import Vault

NOW = datetime.now(UTC)


def after(months, days=1):
    return retention.months_after(NOW, months) + timedelta(days=days)


def rules(office):
    return load(office.world.root / "organisation.yaml")


def plan(office, now):
    return retention.plan(office.kept, rules(office), Places(office.archives), now)


def apply(office, now, **how):
    return retention.apply(office.kept, rules(office), Places(office.archives), now=now, **how)


def age(office, **recorded_at):
    """Say when recordings began, by their place among the office's."""
    ledger = office.kept.ledger.archive(str(office.world.dest.resolve()))
    for number, at in recorded_at.items():
        (row,) = ledger.of(office.ids[int(number[1:])])
        ledger.put([replace(row, recorded_at=at)])


@pytest.mark.parametrize(
    ("began", "months", "ends"),
    [
        ("2026-01-15", 6, "2026-07-15"), ("2026-08-31", 6, "2027-02-28"), ("2027-08-31", 6, "2028-02-29"),
        ("2026-12-31", 12, "2027-12-31"), ("2024-02-29", 12, "2025-02-28"), ("2026-03-31", -1, "2026-02-28"),
        ("2026-01-31", -2, "2025-11-30"),
    ],
)  # fmt: skip
def test_months_are_those_of_the_calendar(began, months, ends):
    assert months_after(datetime.fromisoformat(began), months) == datetime.fromisoformat(ends)


def test_what_is_due_is_erased_and_certified_and_its_report_goes_half_a_year_later(office):
    early = plan(office, after(6, -3)).classes["recordings"]
    assert (early.due, early.soon) == ((), tuple(office.ids))
    found = plan(office, after(6))
    assert found.classes["recordings"].due == tuple(office.ids)
    assert found.classes["analyses"].due == ()
    seen = []
    applied = apply(office, after(6), progress=lambda *what: seen.append(what))
    assert (applied.erased["recordings"], applied.failed) == (4, {})
    assert seen == [("recordings", number, 4) for number in (1, 2, 3, 4)]
    certified = office.kept.certificates.all()
    assert sorted(each.recording_id for each in certified) == office.ids
    assert {(each.reason, each.scope) for each in certified} == {("retention", "recording")}
    assert all(office.kept.audit.is_signed(each.said(), each.signature) for each in certified)
    assert office.world.states() == {"erased": 4}
    for own in office.ids:
        assert [path.name for path in office.outputs_of(own)] == [f"{own}.report.json"]
        assert office.report_of(own)["outputs"] == {}
        with pytest.raises(KeyMissing):
            next(office.kept.vault.opened(own, "original"))
    assert plan(office, after(6)).classes["recordings"].due == ()
    assert plan(office, after(6)).back == ()  # a report that was left is no backup
    assert apply(office, after(6)).erased == {}

    assert plan(office, after(12)).classes["analyses"].due == tuple(office.ids)
    applied = apply(office, after(12))
    assert (applied.erased["analyses"], applied.failed) == (4, {})
    assert not any(office.outputs_of(own) for own in office.ids)
    assert sum(each.scope == "analyses" for each in office.kept.certificates.all()) == 4
    assert office.kept.audit.verify() > 0


def test_age_counts_from_the_recording_and_what_has_no_date_is_told(office):
    age(office, _0="2020-01-01T00:00:00+00:00", _1="2020-01-01T00:00:00+00:00", _2="yesterday")
    found = plan(office, NOW).classes["recordings"]
    assert (found.due, found.soon, found.undated) == (tuple(office.ids[:2]), (), 1)


def test_everything_goes_at_once_where_analyses_are_kept_no_longer(office):
    office.write({**ORGANISATION, "retention": {"analyses": {"months": 6}}})
    apply(office, after(6))
    assert not any(office.outputs_of(own) for own in office.ids)
    assert plan(office, after(20)).classes["analyses"].due == ()


def test_a_legal_hold_keeps_a_recording_until_it_is_lifted(office):
    kept, *others = office.ids
    assert holds.place(office.kept, Places(office.archives), kept, "litigation") == (kept,)
    found = plan(office, after(6)).classes["recordings"]
    assert (found.due, found.held) == (tuple(others), (kept,))
    assert apply(office, after(6)).erased["recordings"] == 3
    assert next(office.kept.vault.opened(kept, "original"))
    assert len(office.outputs_of(kept)) == 4
    holds.release(office.kept, Places(office.archives), kept)
    assert apply(office, after(6)).erased["recordings"] == 1
    assert [path.suffix for path in office.outputs_of(kept)] == [".json"]


POINTS = {
    "before outputs": (erasure, "_remove_outputs"),
    "before the key": (Vault, "erase"),
    "before the ledger": (Archived, "erase"),
    "before the certificate": (Certificates, "add"),
    "before the mark goes": (Marks, "lift"),
}


def test_it_goes_on_wherever_it_was_killed(office, monkeypatch):
    def killed(*_args, **_how):
        os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in POINTS.values():
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed)
            office.kept.close()
            assert in_child(lambda: apply(office, after(6))) == -signal.SIGKILL
        (unfinished,) = plan(office, after(6)).unfinished
        with pytest.raises(NoLawfulBasis):  # from the first moment on
            office.kept.vault.seal(io.BytesIO(b"x"), unfinished, "original")
    applied = apply(office, after(6))
    assert applied.failed == {}
    assert applied.erased["unfinished"] == 1
    assert plan(office, after(6)).unfinished == ()
    assert office.world.states() == {"erased": 4}
    assert {each.recording_id for each in office.kept.certificates.all()} == set(office.ids)
    assert any(each.counts.get("resumed") for each in office.kept.certificates.all())
    assert not {key.recording_id for key in office.kept.keys.listed()} & set(office.ids)
    assert office.kept.audit.verify() > 0


def test_what_can_t_be_erased_is_told_and_the_rest_goes(office):
    stays = office.ids[0]
    original = next(p for p in office.world.root.rglob("*.sealed") if stays in p.name and ".original." in p.name)
    original.unlink()
    original.mkdir()  # a folder can't be unlinked: the vault fails
    applied = apply(office, after(6))
    assert applied.erased["recordings"] == 3
    assert sum(applied.failed.values()) == 1
    original.rmdir()
    assert apply(office, after(6)).erased["unfinished"] == 1
    assert office.kept.certificates.is_erased(stays)


def test_a_restored_ledger_keyring_vault_and_archive_bring_nothing_back(office, tmp_path):
    back_up(office, tmp_path / "backup")
    apply(office, after(6))
    restore(office, tmp_path / "backup")
    assert plan(office, NOW).back == tuple(office.ids)
    with pytest.raises(KeyMissing, match="not given out"):
        next(office.kept.vault.opened(office.ids[0], "original"))
    applied = apply(office, NOW)
    assert (applied.erased["back"], applied.failed) == (4, {})
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened(office.ids[0], "original"))
    assert not any(office.outputs_of(own) for own in office.ids)
    assert plan(office, NOW).back == ()


def test_lawful_bases_go_five_years_after_the_last_was_noted_and_never_before_their_recordings(office):
    def record(call_id, **more):
        told = {"given_at": NOW.isoformat(), "recorded_at": NOW.isoformat(), **more}
        return Record(call_id, "p" * 32, "consent", ("quality",), "", "", "", "", "", evidence_ref="", **told)

    later = after(24, 0).isoformat()
    office.kept.consent.add([record("old"), record("kept"), record("withdrawn", withdrawn_at=later)])
    (place,) = sources_of(office.kept.vault, office.ids[1])  # known by the name of its file alone
    by_file = PurePosixPath(place["source"]).stem
    office.kept.consent.add([record(by_file)])
    office.kept.marks.put(office.ids[1], "legal_hold", "litigation")
    office.kept.consent.add([record("undated", given_at="", recorded_at="")])
    ledger = office.kept.ledger.archive(str(office.world.dest.resolve()))
    (row,) = ledger.of(office.ids[0])
    ledger.put([replace(row, call=office.kept.ledger.pseudonym("call", "kept"))])
    office.kept.marks.put(office.ids[0], "legal_hold", "litigation")

    def left():
        return set(office.kept.consent.last_noted())

    assert plan(office, after(60, -1)).classes["bases"].due == ()
    found = plan(office, after(60)).classes["bases"]
    assert (found.due, found.undated) == ((office.kept.ledger.pseudonym("call", "old"),), 1)
    assert apply(office, after(60)).erased["bases"] == 1
    assert left() == {"kept", by_file, "withdrawn", "undated"}
    for own in office.ids[:2]:
        office.kept.marks.lift(own, "legal_hold")
    apply(office, after(60))  # the recordings go first
    assert apply(office, after(60)).erased["bases"] == 2
    assert left() == {"withdrawn", "undated"}
    assert apply(office, after(84)).erased["bases"] == 1
    assert left() == {"undated"}


def test_outputs_of_redact_file_and_what_it_sealed_go_too(office):
    content = b"RIFF by hand"
    digest = hashlib.sha256(content).hexdigest()
    own, folder = naming.opaque(digest), office.world.dest / "by-hand"
    folder.mkdir()
    (folder / "x.report.json").write_text(json.dumps({"input": {"sha256": digest}}))
    (folder / "x.redacted.wav").write_bytes(b"beep")
    (folder / "x.wav").write_bytes(content)
    (folder / "x.y.wav").write_bytes(b"another recording")
    office.kept.vault.seal(io.BytesIO(content), own, "original")
    office.kept.vault.seal(io.BytesIO(b"no outputs anywhere"), "call-by-id", "original")
    assert {own, "call-by-id"} <= set(plan(office, after(6)).classes["recordings"].due)
    assert apply(office, after(6)).failed == {}
    assert [path.name for path in folder.iterdir()] == ["x.y.wav"]
    for gone in (own, "call-by-id"):
        with pytest.raises(KeyMissing):
            next(office.kept.vault.opened(gone, "original"))
        assert office.kept.certificates.is_erased(gone)


def test_outputs_that_the_ledger_does_not_know_go_by_the_time_of_their_report(office):
    office.kept.close()
    for file in office.world.root.glob("ledger.db*"):
        file.unlink()
    assert plan(office, after(6)).classes["recordings"].due == tuple(office.ids)
    assert apply(office, after(6)).failed == {}
    assert not any(office.outputs_of(own) for own in office.ids)
    assert plan(office, after(6)).classes["recordings"].due == ()


def test_reports_of_nights_hold_ids_and_go_with_the_analyses(office):
    nights = office.world.dest / "nights"
    nights.mkdir()
    for suffix in (".json", ".html"):
        (nights / f"20200101T020000Z-abcdef{suffix}").write_text("{}")
        (nights / f"{NOW:%Y%m%dT%H%M%SZ}-abcdef{suffix}").write_text("{}")
    applied = apply(office, NOW)
    assert (applied.erased["nights"], applied.erased["analyses"]) == (2, 0)
    assert [path.name[:8] for path in nights.iterdir()] == [f"{NOW:%Y%m%d}"] * 2


def test_closed_cases_go_and_open_ones_stay(office):
    cases, sealed = office.kept.cases, office.kept.vault
    old, on_hold, still_open = (cases.open("request", after(1), {}, now=NOW).case_id for _ in range(3))
    for case_id in (old, on_hold, still_open):
        sealed.seal(io.BytesIO(b"Wilhelmina Quastenflosser"), case_id, "case")
    for case_id in (old, on_hold):
        cases.change(case_id, "closed", state="closed", at=NOW)
    holds.place(office.kept, Places(office.archives), on_hold, "litigation", on_hold)
    assert plan(office, after(59)).classes["requests"].due == ()
    found = plan(office, after(60)).classes["requests"]
    assert (found.due, found.held) == ((old,), (on_hold,))
    assert apply(office, after(60)).erased["requests"] == 1
    assert {case.case_id for case in cases.all("request")} == {on_hold, still_open}
    with pytest.raises(KeyMissing):
        next(sealed.opened(old, "case"))
    assert b"".join(sealed.opened(still_open, "case")) == b"Wilhelmina Quastenflosser"
    (certificate,) = [each for each in office.kept.certificates.all() if each.recording_id == old]
    assert certificate.scope == "case"
    with pytest.raises(NoLawfulBasis):
        sealed.seal(io.BytesIO(b"x"), old, "case")


class TestComments:
    """What an officer comments may hold anything: it goes with the analyses, and the signature stays."""

    SAID = "Listen to the call of Wilhelmina Quastenflosser again."

    @pytest.fixture
    def commented(self, office):
        """A report that was signed with a comment at `NOW`, its file, and the comment's id."""
        month = Month.of(NOW).before
        content = monthly.write(monthly.build(office.kept, rules(office), month, NOW)).encode()
        signing.note(office.kept, f"monthly-{month}", [content], NOW)
        signature = signing.sign(office.kept, rules(office), content, "comment", self.SAID.encode(), NOW)
        file = office.world.root / f"monthly-{month}.json"
        file.write_bytes(content)
        return office, file, signature.comment_id

    def test_one_goes_with_the_analyses_and_its_signature_stays(self, commented, tmp_path):
        office, file, comment = commented
        assert comment not in plan(office, after(12, -3)).classes["analyses"].due
        assert comment in plan(office, after(12, -3)).classes["analyses"].soon
        assert all(comment not in plan(office, after(59)).classes[name].due for name in ("recordings", "requests"))
        back_up(office, tmp_path / "backup")
        apply(office, after(6))
        assert run(office, "report", "verify", file, "--comments")[1].count(self.SAID) == 1
        applied = apply(office, after(12))
        assert (applied.erased["analyses"], applied.failed) == (5, {})
        (certificate,) = [each for each in office.kept.certificates.all() if each.recording_id == comment]
        assert (certificate.scope, certificate.reason, certificate.counts) == ("comment", "retention", {"sealed": 1})
        assert comment not in {key.recording_id for key in office.kept.keys.listed()}
        assert plan(office, after(24)).classes["analyses"].due == ()
        code, told, _ = run(office, "report", "verify", file, "--comments")
        assert (code, "as it was signed" in told, f"certificates {comment}" in told) == (0, True, True)
        restore(office, tmp_path / "backup")
        with pytest.raises(KeyMissing, match="not given out"):
            next(office.kept.vault.opened(comment, "case"))
        assert comment in plan(office, after(12)).classes["analyses"].due
        assert apply(office, after(12)).failed == {}
        assert comment not in {key.recording_id for key in office.kept.keys.listed()}

    def test_the_organisation_s_limit_counts_and_a_hold_keeps_it(self, commented):
        office, _, comment = commented
        office.write({**ORGANISATION, "retention": {"analyses": {"months": 3}}})
        holds.place(office.kept, Places(office.archives), comment, "litigation")
        found = plan(office, after(3)).classes["analyses"]
        assert (found.due, found.held) == ((), (comment,))
        holds.release(office.kept, Places(office.archives), comment)
        assert plan(office, after(3)).classes["analyses"].due == (comment,)

    @pytest.mark.parametrize("where", [(Vault, "erase"), (Certificates, "add")])
    def test_it_goes_on_where_it_was_killed(self, commented, monkeypatch, where):
        office, _, comment = commented
        apply(office, after(6))
        with monkeypatch.context() as patch:
            patch.setattr(*where, lambda *_args, **_how: os.kill(os.getpid(), signal.SIGKILL))
            office.kept.close()
            office.write({**ORGANISATION, "retention": {"analyses": {"months": 7}, "recordings": {"months": 99}}})
            assert in_child(lambda: erasure.erase_comment(office.kept, comment, reason="retention")) == -signal.SIGKILL
        assert comment in plan(office, after(7)).classes["analyses"].due
        assert apply(office, after(7)).failed == {}
        assert office.kept.certificates.is_erased(comment)
        assert comment not in plan(office, after(7)).classes["analyses"].due

    def test_one_that_nobody_signed_goes_by_its_key(self, office):
        """Whoever was killed between sealing and signing leaves one."""
        comment = new_comment("monthly-2026-03")
        assert is_comment(comment)
        assert not is_comment("monthly-2026-03")
        assert not is_comment(office.ids[0])
        office.kept.vault.seal(io.BytesIO(self.SAID.encode()), comment, "case")
        assert comment not in plan(office, after(12, -3)).classes["analyses"].due
        assert comment in plan(office, after(12)).classes["analyses"].due
        assert apply(office, after(12)).failed == {}
        assert office.kept.certificates.is_erased(comment)


def test_old_rows_of_the_log_are_cut_off_and_written_out_before(office, tmp_path):
    before = list(office.kept.audit.entries())
    assert plan(office, after(12)).classes["logs"].count == len(before) - 1
    applied = apply(office, after(12), export_logs=tmp_path / "logs")
    assert applied.failed == {}
    (file,) = (tmp_path / "logs").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    *lines, last = map(json.loads, file.read_text().splitlines())
    assert [line["seq"] for line in lines] == list(range(1, last["cut"]["seq"] + 1))
    assert lines[: len(before)] == [json.loads(json.dumps({k: getattr(e, k) for k in e.__slots__})) for e in before]
    assert next(office.kept.audit.entries()).seq == last["cut"]["seq"] + 1
    assert office.kept.audit.verify() == len(list(office.kept.audit.entries()))


def test_the_log_of_what_is_on_hold_stays_with_it(office):
    held = office.ids[2]
    holds.place(office.kept, Places(office.archives), held, "litigation")
    apply(office, after(12))
    rows = list(office.kept.audit.entries())
    assert [row for row in rows if row.object_id == held and row.action == "redact"]
    assert rows[0].object_id == held
    assert office.kept.audit.verify() == len(rows)


def test_a_log_that_somebody_changed_is_not_cut(office):
    with office.kept._records.writing() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE seq = 3"))
    applied = apply(office, after(12))
    assert applied.failed == {"Damaged": 1}
    assert next(office.kept.audit.entries()).seq == 1


def test_an_archive_that_nobody_names_stops_it(office):
    office.world.dest_url = str(office.world.root / "elsewhere")
    office.kept.ledger.archive(office.world.dest_url).put(
        [replace(office.world.stores().ledger.archive(str(office.world.dest.resolve())).of(office.ids[0])[0])]
    )
    assert plan(office, NOW).unnamed == 1
    with pytest.raises(PolicyError, match="does not name"):
        apply(office, after(6))
    assert office.kept.certificates.all() == ()


class TestCommands:
    @pytest.fixture
    def redact(self, office, runner):
        office.kept.close()

        def run(*words, said=None):
            return runner.invoke(cli, [*office.config, *words], input=said)

        return run

    @pytest.fixture
    def runner(self):
        from click.testing import CliRunner

        return CliRunner()

    def test_plan_apply_and_certificates(self, office, redact):
        age(office, _0="2020-01-01T00:00:00+00:00")
        shown = redact("retention", "plan")
        assert shown.exit_code == 0
        assert "recordings  6 months   1 " in shown.output
        assert "DUE BUT ON HOLD" in shown.output
        told = json.loads(redact("retention", "plan", "--json").output)
        assert told["classes"]["recordings"]["due"] == [office.ids[0]]
        assert redact("retention", "apply", "--dry-run").output == shown.output
        done = redact("retention", "apply", "--json")
        assert (done.exit_code, json.loads(done.output)["erased"]["recordings"]) == (0, 1)
        assert redact("retention", "apply").output.split()[-2:] == ["nothing", "0"]
        listed = redact("retention", "certificates", office.ids[0])
        assert (listed.exit_code, listed.output.count("  retention  ")) == (0, 1)
        assert json.loads(redact("retention", "certificates", "--json").output.splitlines()[0])["signed"] is True
        assert redact("audit", "verify").exit_code == 0

    def test_a_certificate_that_was_changed_is_told(self, office, redact):
        from redact.errors import Damaged

        erasure.erase(office.kept, office.archives, office.ids[0], reason="request")
        with office.kept._governance.writing() as connection:
            connection.execute(text("UPDATE certificates SET reason = 'retention'"))
        shown = redact("retention", "certificates")
        assert isinstance(shown.exception, Damaged)
        assert " no\n" in shown.output

    def test_something_that_could_not_be_erased_is_exit_code_1(self, office, redact):
        age(office, _0="2020-01-01T00:00:00+00:00")
        original = next(
            p for p in office.world.root.rglob("*.sealed") if office.ids[0] in p.name and ".original" in p.name
        )
        original.unlink()
        original.mkdir()
        shown = redact("retention", "apply")
        assert shown.exit_code == 1
        assert "could not be erased" in shown.output

    def test_a_hold_by_the_call_s_reference_on_standard_input(self, office, redact):
        call = "Wilhelmina-0171"
        ledger = office.kept.ledger
        archived = ledger.archive(str(office.world.dest.resolve()))
        (row,) = archived.of(office.ids[1])
        archived.put([replace(row, call=ledger.pseudonym("call", call))])
        placed = redact("retention", "hold", "-", "--reason", "litigation", said=f"{call}\n")
        assert placed.output == f"on hold: {office.ids[1]}\n"
        assert office.ids[1] in redact("retention", "hold").output
        assert redact("retention", "release", "-", said=f"{call}\n").output == f"released: {office.ids[1]}\n"
        redact("retention", "hold", office.ids[1], "--reason", "litigation")
        refused = redact("vault", "erase", office.ids[1], "--reason", "request", "--yes")
        assert refused.exception.exit_code == 2
        assert next(office.kept.vault.opened(office.ids[1], "original"))
        office.kept.close()
        for path in office.world.root.rglob("*"):
            if path.is_file() and office.world.source not in path.parents:
                assert call.encode() not in path.read_bytes(), path

    @pytest.mark.parametrize(
        "words",
        [("hold", "nothing", "--reason", "x"), ("hold", "call-1"), ("hold", "call-1", "--reason", "two words"),
         ("release", "call-1"), ("hold", "call-1", "--reason", "x", "--case", "no id")],
    )  # fmt: skip
    def test_what_makes_no_sense_is_refused(self, redact, words):
        from redact.errors import UsageError

        assert isinstance(redact("retention", *words).exception, UsageError)
