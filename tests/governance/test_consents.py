"""Consent that is gone reaches what was processed; its coverage is told; where a call speaks of it is found."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from governance_world import ORGANISATION

from redact.cli.main import cli
from redact.custody import Custodian
from redact.errors import HeldForReview, KeyMissing, NoLawfulBasis, UsageError
from redact.governance import consents, retention
from redact.governance.organisation import ConsentRules
from redact.governance.places import Places
from redact.stores.consent import COLUMNS, read_csv
from redact.stores.ledger import Row

PERSON = "Wilhelmina Quastenflosser"
BEGAN = "2026-03-02T09:00:00+00:00"


def records(office, *rows):
    table = "\n".join([",".join(COLUMNS), *rows]) + "\n"
    office.kept.consent.add(read_csv(io.StringIO(table), office.kept.consent))


@pytest.fixture
def withdrawn(office):
    """The id of a recording whose consent was withdrawn; it is known by the name of its file, call-1.wav."""
    records(
        office,
        f"call-1,{PERSON},consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref",
        f"call-2,somebody else,consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref",
        f"call-3,{PERSON},contract,,,,,,,,,",
    )
    office.kept.consent.withdraw(PERSON)
    from redact.custody import sources_of

    (own,) = [i for i in office.ids if "call-1.wav" in sources_of(office.kept.vault, i)[0]["source"]]
    return own


def apply(office, what):
    return consents.apply(office.kept, ConsentRules(on_withdrawal=what), Places(office.archives))


def told(applied):
    return applied.calls, applied.done, applied.already, dict(applied.failed)


def row_of(office, own):
    return office.kept.ledger.archive(str(office.world.dest.resolve())).of(own)[0]


def test_it_is_held_so_that_nobody_uses_it(office, withdrawn):
    assert told(apply(office, "hold")) == (1, 1, 0, {})
    assert office.kept.marks.all("restriction")[0].recording_id == withdrawn
    assert (row_of(office, withdrawn).state, row_of(office, withdrawn).reason) == ("held", "restricted")
    assert len(office.outputs_of(withdrawn)) == 4
    with pytest.raises(HeldForReview):
        Custodian(office.kept, requires_basis=False, seals=False).check(withdrawn)
    shown = CliRunner().invoke(cli, [*office.config, "vault", "open", withdrawn, "-o", "-", "--reason", "x"])
    assert isinstance(shown.exception, HeldForReview)
    assert shown.output == ""
    assert told(apply(office, "hold")) == (1, 0, 1, {})


def command(office, *args, typed=""):
    office.kept.close()
    shown = CliRunner().invoke(cli, [*office.config, *args], input=typed)
    error = shown.exception if isinstance(shown.exception, UsageError) else None
    return int(error.exit_code) if error else shown.exit_code, shown.output + (error.message if error else "")


@pytest.mark.parametrize("by", ["recording", "call", "person"])
def test_a_hold_is_released_and_stays_so_until_it_is_withdrawn_anew(office, withdrawn, by):
    release = ("consent", "release", "-", "--reason", "consented_anew")
    named = {"recording": withdrawn, "call": "call-1", "person": PERSON}[by]
    assert command(office, *release, typed=named)[0] == 2  # nothing is on hold yet
    apply(office, "hold")
    assert command(office, *release, typed="somebody else")[0] == 2
    assert command(office, *release, typed=named) == (0, "released: 1 recordings\n")
    assert office.kept.marks.all("restriction") == ()
    assert (row_of(office, withdrawn).state, row_of(office, withdrawn).reason) == ("done", "")
    entries = [e for e in office.kept.audit.entries() if e.action == "consent.release"]
    assert [(e.object_id, e.outcome, e.reason) for e in entries] == [
        (withdrawn, "begun", "consented_anew"), (withdrawn, "done", "consented_anew"),
    ]  # fmt: skip
    for what in ("hold", "redact", "erase"):
        assert told(apply(office, what)) == (1, 0, 0, {})
    assert apply(office, "hold").released == 1
    assert command(office, *release, typed=named)[0] == 2
    office.kept.consent.withdraw("call-1", datetime(2026, 4, 1, tzinfo=UTC))
    assert told(apply(office, "hold")) == (1, 1, 0, {})
    assert command(office, *release, typed=named)[0] == 0


def test_what_a_request_or_another_person_wants_kept_stays_so(office, withdrawn):
    records(office, f"call-1,a second person,consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref")
    office.kept.consent.withdraw("a second person")
    apply(office, "hold")
    release = ("consent", "release", "-", "--reason", "overridden")
    code, said = command(office, *release, typed=PERSON)
    assert code == 1
    assert "released: 0 recordings" in said
    assert office.kept.marks.has(withdrawn, "restriction")
    restricts = {"restricts": {"recordings": [withdrawn], "reason": "claims"}}
    case_id = office.kept.cases.open("request", datetime.now(UTC), restricts).case_id
    assert command(office, *release, typed=withdrawn)[0] == 1
    assert office.kept.marks.of(withdrawn, "restriction").case_id == case_id
    code, said = command(office, "subject", "restrict", case_id, "--lift")
    assert (code, said) == (0, "lifted: 1 recordings\n")
    assert apply(office, "hold").released == 1


def test_a_batch_that_tries_it_again_holds_it_again(office, withdrawn):
    apply(office, "hold")
    office.kept.ledger.archive(str(office.world.dest.resolve())).reopen(("held",))
    office.kept.close()
    (office.world.source / "2026-03-02").mkdir(exist_ok=True)  # its original was kept, say
    from redact.custody import sources_of

    source = sources_of(office.kept.vault, withdrawn)[0]["source"]
    name = source.removeprefix(f"{office.world.source}/")
    office.world.add(name, b"RIFF call 1" * 2)
    office.kept.close()
    ended, _ = office.world.run()
    assert dict(ended.states)["held"] == 1
    assert (row_of(office, withdrawn).state, row_of(office, withdrawn).reason) == ("held", "restricted")


def test_its_original_is_erased_and_what_is_redacted_stays(office, withdrawn):
    assert told(apply(office, "redact")) == (1, 1, 0, {})
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened(withdrawn, "original"))
    assert len(office.outputs_of(withdrawn)) == 4
    assert (row_of(office, withdrawn).state, row_of(office, withdrawn).original) == ("done", "erased")
    (certificate,) = office.kept.certificates.all()
    assert (certificate.recording_id, certificate.scope, certificate.reason) == (withdrawn, "original", "withdrawn")
    with pytest.raises(NoLawfulBasis):
        office.kept.vault.seal(io.BytesIO(b"x"), withdrawn, "original")
    # Its map is gone with its key, and with that the name by which it was known.
    assert told(apply(office, "redact")) == (0, 0, 0, {})


def test_it_is_found_by_the_ledger_s_pseudonym_and_not_done_twice(office, withdrawn):
    ledger = office.kept.ledger.archive(str(office.world.dest.resolve()))
    ledger.put([replace(row_of(office, withdrawn), call=office.kept.ledger.pseudonym("call", "call-1"))])
    assert told(apply(office, "redact")) == (1, 1, 0, {})
    assert told(apply(office, "redact")) == (1, 0, 1, {})


def test_all_of_it_is_erased(office, withdrawn):
    assert told(apply(office, "erase")) == (1, 1, 0, {})
    assert office.outputs_of(withdrawn) == []
    assert office.world.states() == {"done": 3, "erased": 1}
    assert told(apply(office, "erase")) == (0, 0, 0, {})


@pytest.mark.parametrize("what", ["redact", "erase"])
def test_a_legal_hold_is_stronger_and_told(office, withdrawn, what):
    office.kept.marks.put(withdrawn, "legal_hold", "litigation")
    office.write({**ORGANISATION, "consent": {"on_withdrawal": what}})
    office.kept.close()
    shown = CliRunner().invoke(cli, [*office.config, "consent", "apply"])
    assert shown.exit_code == 1
    assert "1 could not be: legal_hold" in shown.output
    assert next(office.kept.vault.opened(withdrawn, "original"))


def test_an_objection_reaches_legitimate_interest_and_no_other_basis(office):
    records(office, f"call-1,{PERSON},legitimate_interest,,,,,,,,,", f"call-2,{PERSON},contract,,,,,,,,,")
    office.kept.consent.object(PERSON)
    assert office.kept.consent.refused() == {"call-1": "objection"}
    assert told(apply(office, "hold")) == (1, 1, 0, {})


@pytest.mark.parametrize(
    ("bases", "code", "told"),
    [
        (("legitimate_interest", "legitimate_interest"), 0, "noted in 2 records"),
        (("legitimate_interest", "contract"), 0, "does not reach 1 records of another basis: 1 contract"),
        (("consent", "contract"), 2, "none of these records rests on it: 1 consent, 1 contract"),
    ],
)
def test_an_objection_says_which_bases_it_does_not_reach(office, bases, code, told):
    rows = {"consent": f"consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref"}
    records(office, *(f"call-{n},{PERSON},{rows.get(b, f'{b},,,,,,,,,')}" for n, b in enumerate(bases)))
    shown = CliRunner().invoke(cli, [*office.config, "consent", "objection", "-"], input=f"{PERSON}\n")
    error = shown.exception if isinstance(shown.exception, UsageError) else None
    assert (error.exit_code if error else shown.exit_code) == code
    assert told in shown.output + (error.message if error else "")
    assert ("redact consent withdraw" in shown.output + (error.hint if error else "")) is (told != "noted in 2 records")
    objected = [r.objection_at for n, _ in enumerate(bases) for r in office.kept.consent.of(f"call-{n}")]
    assert any(objected) is (code == 0)
    assert len(office.kept.consent.refused()) == bases.count("legitimate_interest")


def test_what_redact_file_has_sealed_under_the_call_s_id_is_reached(office):
    records(office, f"by-hand,{PERSON},consent,quality,n-1,,en,ivr,voice,{BEGAN},{BEGAN},ref")
    office.kept.vault.seal(io.BytesIO(b"RIFF"), "by-hand", "original")
    office.kept.consent.withdraw("by-hand")
    assert told(apply(office, "erase")) == (1, 1, 0, {})
    with pytest.raises(KeyMissing):
        next(office.kept.vault.opened("by-hand", "original"))


ROWS = (
    Row("a", 1, "", "done", basis="consent", queue="sales", recorded_at="2026-03-02T09:00:00+00:00"),
    Row("b", 1, "", "done", basis="consent, contract", queue="sales", recorded_at="2026-03-08T23:00:00+00:00"),
    Row("c", 1, "", "done", basis="not recorded", queue="support", recorded_at="2026-03-09T00:00:00+00:00"),
    Row("d", 1, "", "refused", "no_lawful_basis", queue="support", finished_at="2026-03-09T00:00:00+00:00"),
    Row("e", 1, "", "refused", "erased"),
    Row("f", 1, "", "quarantined", "damaged"),
    Row("g", 1, "", "pending"),
    Row("h", 1, "", "erased"),
)


def test_coverage_is_counted_by_week_queue_and_basis():
    found = consents.coverage(ROWS, datetime(2026, 4, 1, tzinfo=UTC))
    assert found["all"] == {
        "calls": 4, "with_basis": 2, "share": 0.5, "by_basis": {"consent": 2, "contract": 1, "not recorded": 2}
    }  # fmt: skip
    assert {week: each["share"] for week, each in found["by_week"].items()} == {"2026-W10": 1.0, "2026-W11": 0.0}
    assert {queue: each["calls"] for queue, each in found["by_queue"].items()} == {"sales": 2, "support": 2}
    assert consents.coverage(())["all"]["share"] is None


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", ("As of 2026-04-01", "With a basis", "50.0%", "legitimate interest", "2026-W10")),
        ("fr", ("Au 01/04/2026", "Base légale", "50,0\N{NO-BREAK SPACE}%", "intérêt légitime", "2026-W10")),
    ],
)
def test_the_page_of_coverage_is_in_both_languages(language, wanted):
    rows = (*ROWS, Row("i", 1, "", "done", basis="legitimate_interest"), replace(ROWS[2], source="j", queue="<b>"))
    html = consents.page(consents.coverage(rows, datetime(2026, 4, 1, tzinfo=UTC)), language)
    for text in wanted:
        assert text in html
    assert f'lang="{language}"' in html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_evidence_is_listed_with_times_and_no_more(office, tmp_path):
    report = next(office.world.dest.glob("??/*.report.json"))
    spoken = {"notice_ms": 61_250, "answer_ms": 65_000, "answer": "yes"}
    report.write_text(json.dumps({**json.loads(report.read_text()), "spoken_consent": spoken}))
    office.kept.close()
    runner = CliRunner()
    shown = runner.invoke(cli, [*office.config, "consent", "evidence", str(office.world.dest)])
    own = report.name.removesuffix(".report.json")
    assert shown.output.splitlines()[1].split() == [own, "1:01.2", "1:05.0", "yes"]
    one = runner.invoke(cli, [*office.config, "consent", "evidence", str(office.world.dest), "--json"])
    assert json.loads(one.output) == {"id": own, **spoken}
    none = runner.invoke(
        cli, [*office.config, "consent", "evidence", str(office.world.dest), "--answer", "no", "--json"]
    )
    assert none.output == ""


def test_the_commands_of_coverage(office, tmp_path):
    office.kept.close()
    runner = CliRunner()
    shown = runner.invoke(cli, [*office.config, "consent", "coverage", "--by", "queue"])
    assert shown.output.splitlines()[-1].split() == ["all", "4", "0", "0.0%", "4", "not", "recorded"]
    told = json.loads(runner.invoke(cli, [*office.config, "consent", "coverage", "--json"]).output)
    assert told["all"]["calls"] == 4
    page = tmp_path / "coverage.html"
    made = runner.invoke(cli, [*office.config, "consent", "coverage", "-o", str(page), "--language", "fr"])
    assert (made.exit_code, "Appels" in page.read_text(encoding="utf-8")) == (0, True)


def test_nobody_s_name_is_in_any_file_after_all_of_it(office, withdrawn):
    for what in ("hold", "redact", "erase"):
        apply(office, what)
    rules = office.world.root / "organisation.yaml"
    from redact.governance.organisation import load

    retention.apply(office.kept, load(rules), Places(office.archives), now=datetime(2100, 1, 1, tzinfo=UTC))
    office.kept.close()
    for path in office.world.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for form in (PERSON, PERSON.casefold(), PERSON.split()[1]):
                assert form.encode() not in content, path
                assert form.encode("utf-16-le") not in content, path
