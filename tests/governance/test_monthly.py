"""The month's report says what happened, is signed by the officer, and shows whoever changes it or a signature."""

import json
import os
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from documents_world import CANARIES, Page, organisation, run, said
from governance_world import ORGANISATION, Office
from stores_world import files
from test_canaries_in_stores import found_in, ways

from redact.batch.archive import Archive
from redact.errors import Damaged, PolicyError, UsageError
from redact.governance import consents, monthly, monthly_page, signing
from redact.governance.erasure import erase, erase_analyses
from redact.governance.months import Month, months_after
from redact.governance.organisation import load
from redact.governance.prose import decimal, local_day, minute, month_of, pair
from redact.governance.ran import ran
from redact.governance.words import LANGUAGES
from redact.stores.trainings import recorded

NAMES = {"en": "Name", "fr": "Nom"}
CURRENT = Month.of(datetime.now(UTC))
OVER = CURRENT.before
CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
SHOWN = os.environ.get("REDACT_SCREENSHOTS")  # a folder: the picture of the docs is made so


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """An office after a month: reviews, cases, accesses in clear, an erasure, recordings that were not redacted."""
    office = Office(tmp_path_factory.mktemp("office"))
    office.kept.close()
    for name, content in {"held": b"RIFF held", "damaged": b"RIFF damaged", "unverified": b"RIFF unverified"}.items():
        office.world.add(f"2026-03-05/{name}.wav", content)
    office.world.run()
    _reviewed(office)
    _asked(office)
    yield office
    office.kept.close()


def _reviewed(office: Office) -> None:
    kept, (first, second, third, gone) = office.kept, office.ids
    reviews = kept.reviews(Archive(office.archives[0]).url)
    reviews.decide(first, "rita", "claim")
    edits = [{"start_ms": 0, "end_ms": 1, "entity_type": None, "was": "PERSON"}]
    reviews.decide(first, "rita", "render", detail=edits)
    reviews.decide(first, "rita", "approve")
    reviews.decide(second, "lea", "approve")
    reviews.decide(third, "lea", "return", "missed")
    for recording_id in (second, gone):
        kept.audit.add("original.hear", "begun", recording_id, reason="complaint")
        reviews.decide(recording_id, "rita", "original", "complaint", [{"start_ms": 0, "end_ms": 9}])
    case = f"request-20260301-{'a' * 8}"
    for reason in ("own_voice", ""):  # what was redacted is nothing in clear
        with kept.audit.action("subject.export", case, reason=reason):
            pass
    with pytest.raises(PolicyError), kept.audit.action("subject.export", case, reason="own_voice"):
        raise PolicyError("no", hint="no")
    with kept.audit.action("vault.open", first, reason="request"):
        next(kept.vault.opened(first, "original"))
    with pytest.raises(PolicyError), kept.audit.action("vault.open", third, reason="curious"):
        raise PolicyError("no", hint="no")
    erase(kept, office.archives, gone, reason="request")


def _asked(office: Office) -> None:
    kept, now = office.kept, datetime.now(UTC)
    late = kept.cases.open("request", now - timedelta(days=1), {"request": "access"})
    closed = kept.cases.open("request", now + timedelta(days=30), {})
    kept.cases.change(closed.case_id, "answered", state="closed")
    kept.cases.open("breach", now + timedelta(hours=72), {})
    for ends in (now - timedelta(hours=1), now + timedelta(hours=72)):
        kept.cases.open("breach", ends, {"drill": True})
    assert late.is_overdue(now)
    _trained(office, {"privacy": (-1, 10, 200)})


def _trained(office: Office, ends: dict[str, tuple[int, ...]]) -> None:
    """Trainings that end so many days from now."""
    now = datetime.now(UTC)
    for module, days in ends.items():
        for number, left in enumerate(days):
            when = (now - timedelta(days=400), now + timedelta(days=left))
            office.kept.trainings.add(recorded(f"agent{number}", module, 1.0, when, "lea"))
    office.kept.trainings.add(recorded("agent9", "privacy", 0.1, (now, None), "lea"))


def told_of(office: Office, now: datetime | None = None, month: Month = CURRENT) -> dict:
    return monthly.build(office.kept, load(office.world.root / "organisation.yaml"), month, now)


@pytest.fixture(scope="module")
def told(ready) -> dict:
    return told_of(ready)


def test_what_became_of_the_calls(told) -> None:
    assert len(told["runs"]) == 2
    assert {run["outcome"] for run in told["runs"]} == {"finished"}
    assert told["recordings"]["states"] == {"done": 4, "held": 1, "quarantined": 2}
    reasons = {(each["state"], each["reason"]): each["count"] for each in told["recordings"]["reasons"]}
    assert reasons == {("held", "in_doubt"): 1, ("quarantined", "damaged"): 1, ("quarantined", "unverified"): 1}
    assert told["basis"] == {"by_basis": {"not recorded": 4}, "refused": 0, "share": 0.0}
    assert told["log_is_whole"] is True


def test_documents_agree_and_forget_nothing_when_recordings_are_held_and_erased(office) -> None:
    """What a recording weighed stays counted, in all documents alike, though nothing of it is left."""
    rules = load(office.world.root / "organisation.yaml")
    ledger = office.kept.ledger.archive(Archive(office.archives[0]).url)
    facts = ("recordings", "sound_hours", "masked_share", "entity_types", "languages", "lawful_bases", "first_at")
    of_engine = ("engines", "models", "versions", "policies")

    def documents() -> tuple:
        now = told_of(office)
        whole = ran(office.kept, rules.archives).told()
        covered = consents.coverage(ledger.processed())["all"]
        same = {name: whole[name] for name in (*facts[:-1], *of_engine)} | {"on": whole["first_at"][:10]}
        assert now["recordings"]["states"] == whole["recordings"]
        assert now["recordings"]["masked"] == whole["entity_types"]
        assert now["basis"]["share"] == covered["share"]
        assert covered["calls"] == sum(whole["recordings"].values())
        return same, now["recordings"], now["basis"], covered

    before = documents()
    assert before[0]["recordings"] == {"done": 4}
    assert before[0]["models"] == [{"name": "fake", "sha256": "0" * 64}]
    first, second, *others = office.ids
    ledger.withhold(first)
    ledger.withhold(first)
    erase(office.kept, office.archives, second, reason="request")
    assert documents() == before
    for recording_id in (first, *others):
        erase(office.kept, office.archives, recording_id, reason="retention", keeps_report=recording_id == first)
    erase_analyses(office.kept, office.archives, first, reason="retention")
    assert documents() == before
    assert sum(row.state == "erased" for row in ledger.rows()) == 4
    assert ran(office.kept, rules.archives).originals == {"erased": 4}


def test_a_month_lists_no_case_that_was_opened_behind_it(office) -> None:
    now = datetime.now(UTC)
    before = office.kept.cases.open("request", now + timedelta(days=9), {}, OVER.begins + timedelta(days=2))
    office.kept.cases.open("request", now - timedelta(days=9), {}, now)
    told = told_of(office, month=OVER)["cases"]["request"]
    assert [each["id"] for each in told["open"]] == [before.case_id]
    assert (told["opened"], told["overdue"]) == (1, 0)
    assert len(told_of(office)["cases"]["request"]["open"]) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_restriction_waits_for_no_review(office, told, language) -> None:
    reasons = [{"state": "held", "reason": "restricted", "count": 1}]
    html = monthly_page.page({**told, "recordings": {**told["recordings"], "reasons": reasons}}, language)
    row = Page(html).sections[said("monthly", language)["reasons"]].rows
    assert list(row) == [said("terms", language)["restricted"].replace("'", "’")]


def test_pages_tell_times_by_the_clock_here_with_its_offset(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        assert minute("2026-03-31T22:30:00+00:00", "en") == "2026-04-01 00:30 UTC+02:00"
        assert minute("2026-03-31T22:30:00+00:00", "fr") == "01/04/2026 00:30 (UTC+02:00)"
        assert local_day("2026-03-31T21:59:59+00:00", "fr") == "31/03/2026"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert decimal(0.154, "fr", 2) == "0,15"


def test_quality_is_measured_on_what_was_approved_with_its_interval(told) -> None:
    quality = told["quality"]
    assert (quality["decided"], quality["sampled"], quality["of_redacted"]) == (3, 2, 4)
    assert quality["verdicts"] == {"approve": 2, "return": 1, "escalate": 0}
    person = quality["by_type"]["PERSON"]
    assert (person["right"], person["wrong"], person["missed"]) == (2, 1, 0)
    assert person["precision"]["share"] == pytest.approx(2 / 3, abs=1e-4)
    assert 0 < person["precision"]["least"] < 2 / 3 < person["precision"]["most"] < 1
    assert person["recall"]["share"] == 1
    assert quality["reviewers"] == 2
    assert "rita" not in json.dumps(quality)


def test_who_saw_anything_in_clear_is_told_also_of_what_was_erased(ready, told) -> None:
    first, second, _, gone = ready.ids
    accesses = {(each["what"], each["of"]): each for each in told["clear_access"]}
    case = f"request-20260301-{'a' * 8}"
    assert set(accesses) == {
        ("original.hear", second), ("original.hear", gone), ("vault.open", first), ("subject.export", case)
    }  # fmt: skip
    assert (len(told["clear_access"]), accesses["subject.export", case]["reason"]) == (4, "own_voice")
    assert accesses["original.hear", second]["who"] == "rita"
    assert accesses["original.hear", second]["reason"] == "complaint"
    assert accesses["original.hear", gone]["who"] not in {"", "rita"}
    assert accesses["vault.open", first]["reason"] == "request"


def test_cases_erasures_and_trainings(told) -> None:
    requests, breaches = told["cases"]["request"], told["cases"]["breach"]
    assert (requests["opened"], requests["closed"], requests["overdue"]) == (2, 1, 1)
    assert [(each["is_overdue"], each["kind"]) for each in requests["open"]] == [(True, "access")]
    assert (breaches["opened"], breaches["overdue"], len(breaches["open"])) == (1, 0, 1)
    assert (told["erasures"]["count"], told["erasures"]["by_reason"]) == (1, {"request": 1})
    assert told["erasures"]["wrongly_signed"] == 0
    assert told["trainings"] == {"privacy": {"valid": 1, "ends_soon": 1, "ended": 1}}


@pytest.mark.parametrize(
    ("months", "days", "due_soon", "overdue"), [(6, -40, 0, 0), (6, -10, 6, 0), (6, 1, 0, 6), (13, 0, 0, 6)]
)
def test_what_is_kept_too_long_is_counted_by_a_fake_clock(ready, months, days, due_soon, overdue) -> None:
    now = months_after(datetime.now(UTC), months) + timedelta(days=days)
    found = told_of(ready, now)["retention"]
    assert (found["recordings"]["due_soon"], found["recordings"]["overdue"]) == (due_soon, overdue)
    # A report goes with its recording, and is counted by itself only where it was left behind.
    assert (found["analyses"]["overdue"], found["logs"]["overdue"] > 0) == (0, months == 13)


def test_a_legal_hold_is_told_apart(ready) -> None:
    later = months_after(datetime.now(UTC), 7)
    ready.kept.marks.put(ready.ids[0], "legal_hold", "litigation")
    found = told_of(ready, later)["retention"]["recordings"]
    ready.kept.marks.lift(ready.ids[0], "legal_hold")
    assert (found["overdue"], found["held"]) == (5, 1)


def test_another_month_has_nothing_of_this_one(ready) -> None:
    other = told_of(ready, month=CURRENT.before)
    assert (other["runs"], other["recordings"]["states"], other["clear_access"]) == ([], {}, [])
    assert other["quality"]["decided"] == 0
    assert other["basis"]["share"] is None
    assert other["is_over"]


def test_it_is_the_same_for_the_same_clock(ready) -> None:
    now = datetime.now(UTC)
    one, other = told_of(ready, now), told_of(ready, now)
    assert monthly.write(one) == monthly.write(other)
    assert monthly_page.page(one, "fr") == monthly_page.page(other, "fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_all_of_it(ready, told, language) -> None:
    page = Page(monthly_page.page(told, language))
    words, terms = said("monthly", language), said("terms", language)
    assert (page.language, page.title) == (language, f"{words['title']} {month_of(str(CURRENT), language)}")
    cards = page.sections[words["for"]].texts
    assert cards[cards.index(words["redacted"]) + 1] == "4 / 7"
    assert cards[cards.index(words["clear"]) + 1] == "4"
    states = page.sections[words["states"]].rows
    assert {terms["done"], terms["held"], terms["quarantined"]} <= set(states)
    assert states[terms["quarantined"]][0] == ["2"]
    reasons = page.sections[words["reasons"]].rows
    assert pair(terms["quarantined"], terms["damaged"], language) in reasons
    quality = page.sections[words["quality"]].rows
    assert {words["recall"], words["precision"], NAMES[language], words["all_types"]} <= set(quality)
    retention = page.sections[words["retention"]].rows
    assert {terms[name] for name in ("recordings", "analyses", "logs", "requests")} <= set(retention)
    requests = page.sections[words["request_cases"]].rows
    assert [row[-1] for name, row in requests.items() if name.startswith("request-")] == [[words["late"]]]
    assert [row[0] for name, row in requests.items() if name.startswith("request-")] == [[terms["access"]]]
    assert requests[words["case"]][0] == [words["kind"]]
    assert words["on_hold"] in [cell for row in page.sections[words["retention"]].lines[:1] for cell in row[4]]
    accesses = page.sections[words["clear"]].lines[1:]
    assert [row[1:3] + row[4:] for row in accesses if row[1] == ["rita"]] == [
        [["rita"], [words["original.hear"]], [terms["complaint"]]]
    ]
    assert len(accesses) == 4
    assert [words["subject.export"]] in [row[2] for row in accesses]
    assert page.cells(words["trainings"], "privacy") == ["1"]
    part = words["not_over"].format(at=minute(told["made_at"], language)).replace("'", "’" if language == "fr" else "'")
    assert part in page.sections[f"{words['title']} {month_of(str(CURRENT), language)}"].texts


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_shows_all_of_it_on_a_page_s_width(ready, tmp_path, language) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    file = tmp_path / "monthly.html"
    file.write_text(monthly_page.page(told_of(ready, CURRENT.ends + timedelta(hours=33)), language), encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 1500})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        assert (asked, errors) == ([file.as_uri()], [])
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        assert said("monthly", language)["clear"] in " ".join(page.inner_text("body").split())
        if SHOWN:
            page.screenshot(path=str(Path(SHOWN) / f"monthly-{language}.png"))
        browser.close()


@pytest.mark.parametrize(
    ("month", "language", "wanted"),
    [("2026-11", "fr", "novembre 2026"), ("2026-08", "fr", "août 2026"), ("2026-01", "en", "January 2026")],
)
def test_a_month_has_its_name(month, language, wanted) -> None:
    assert month_of(month, language) == wanted


def test_months_are_calendar_months() -> None:
    march = Month.parse("2026-03")
    assert (str(march.before), str(march.after), str(Month.parse("2026-01").before)) == (
        "2026-02",
        "2026-04",
        "2025-12",
    )
    assert march.has("2026-03-01T00:00:00+00:00")
    assert march.has("2026-04-01T01:00:00+02:00")
    assert not march.has("2026-04-01T00:00:00+00:00")
    assert not march.has("")
    assert months_after(datetime(2024, 1, 31, tzinfo=UTC), 1).day == 29
    for wrong in ("2026-13", "2026", "26-03", "2026-3", "0000-01", "2026-03-01"):
        with pytest.raises(UsageError):
            Month.parse(wrong)


def test_a_month_that_has_not_begun_and_an_officer_without_a_name_are_refused(ready, tmp_path) -> None:
    assert run(ready, "report", "monthly", "--month", "2999-01", "-o", tmp_path / "docs").exit_code == 2
    assert not (tmp_path / "docs").exists()
    with pytest.raises(PolicyError, match=r"dpo\.name"):
        monthly.build(ready.kept, organisation(dpo={"contact": "x"}), CURRENT)


@pytest.fixture
def built(office, tmp_path):
    """A report that was made, and its JSON."""
    folder = tmp_path / "docs"
    assert run(office, "report", "monthly", "--month", OVER, "-o", folder).exit_code == 0
    return office, folder / f"monthly-{OVER}.json"


def test_a_report_is_signed_and_checked_in_all_its_forms(built) -> None:
    office, file = built
    page = file.with_suffix(".fr.html")
    assert {path.name for path in file.parent.iterdir()} == {file.name, page.name, file.with_suffix(".en.html").name}
    assert run(office, "report", "verify", file).exit_code == 1
    signed = run(office, "report", "sign", page, "--decision", "approved")
    assert signed.exit_code == 0
    assert "Maud Ferrant" in signed.output
    assert run(office, "report", "verify", page).exit_code == 0
    assert run(office, "report", "verify", file).exit_code == 1  # nobody has signed that one
    listed = run(office, "report", "list")
    assert (listed.exit_code, "approved" in listed.output) == (0, True)
    done = [entry.object_id for entry in office.kept.audit.entries() if entry.action == "document.sign"]
    assert done == [f"monthly-{OVER}"] * 2


def test_an_audit_of_the_installation_is_no_signature_of_the_officer(built) -> None:
    office, file = built
    with office.kept.audit.action("document.sign", reason="security"):
        pass
    audits = file.parent / "audits"
    assert run(office, "doctor", "--security", "-o", audits).exit_code in {0, 1}
    assert f"audit-{CURRENT}.json" in {path.name for path in audits.iterdir()}
    assert run(office, "report", "verify", file).exit_code == 1
    assert run(office, "report", "sign", file, "--decision", "approved").exit_code == 0
    assert run(office, "report", "verify", file).exit_code == 0
    assert run(office, "report", "list").exit_code == 0


def test_whoever_changes_a_report_is_seen_before_and_after_it_was_signed(built) -> None:
    office, file = built
    whole = file.read_bytes()
    for content in (whole.replace(b'"opened": 0', b'"opened": 5'), whole[:-1], whole + b"\n", b"{}"):
        assert content != whole
        file.write_bytes(content)
        assert run(office, "report", "verify", file).exit_code == 9
        assert run(office, "report", "sign", file, "--decision", "approved").exit_code in {5, 9}
    file.write_bytes(whole)
    assert run(office, "report", "sign", file, "--decision", "approved").exit_code == 0
    assert run(office, "report", "verify", file).exit_code == 0
    file.write_bytes(whole.replace(b'"opened": 0', b'"opened": 5'))
    assert run(office, "report", "verify", file).exit_code == 9
    stranger = file.parent / "other.json"
    stranger.write_bytes(b"{}")
    assert run(office, "report", "verify", stranger).exit_code == 5


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE signatures SET name = 'Nobody' WHERE decision = 'approved'",
        "UPDATE signatures SET decision = 'comment' WHERE decision = 'approved'",
        "UPDATE signatures SET at = '2020-01-01T00:00:00+00:00' WHERE decision = 'approved'",
        "UPDATE signatures SET sha256 = '{other}' WHERE decision = 'approved'",
        "UPDATE signatures SET document = 'monthly-2020-01' WHERE decision = 'approved'",
        "DELETE FROM signatures WHERE decision = 'approved'",
        "DELETE FROM signatures",
        "UPDATE signatures SET decision = 'approved' WHERE decision = 'built'",
    ],
)
def test_whoever_changes_or_removes_a_signature_is_seen(signed, tampering) -> None:
    office, file, backup = signed
    backup.restore()
    assert run(office, "report", "verify", file).exit_code == 0
    with sqlite3.connect(office.world.root / "governance.db") as raw:
        assert raw.execute(tampering.replace("{other}", "f" * 64)).rowcount
    raw.close()
    assert run(office, "report", "verify", file).exit_code == 9
    with pytest.raises(Damaged):
        signing.months(office.kept, load(office.world.root / "organisation.yaml"))


class _Backup:
    def __init__(self, file) -> None:
        self._file = file
        self._rows = self._read()

    def _read(self) -> list:
        with sqlite3.connect(self._file) as raw:
            rows = raw.execute("SELECT * FROM signatures").fetchall()
        raw.close()
        return rows

    def restore(self) -> None:
        with sqlite3.connect(self._file) as raw:
            raw.execute("DELETE FROM signatures")
            slots = ", ".join("?" * len(self._rows[0]))
            raw.executemany(f"INSERT INTO signatures VALUES ({slots})", self._rows)  # noqa: S608
        raw.close()


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A report that was signed, and a way to have its signatures back as they were."""
    root = tmp_path_factory.mktemp("signed")
    office = Office(root)
    file = root / "docs" / f"monthly-{OVER}.json"
    assert run(office, "report", "monthly", "--month", OVER, "-o", file.parent).exit_code == 0
    assert run(office, "report", "sign", file, "--decision", "approved").exit_code == 0
    yield office, file, _Backup(root / "governance.db")
    office.kept.close()


def test_a_comment_lies_nowhere_in_clear_and_can_be_read(built, tmp_path) -> None:
    office, file = built
    said_by_officer = ". ".join(f"Look at the call of {canary}" for canary in CANARIES)
    given = run(
        office, "report", "sign", file, "--decision", "comment", "--comment-file", "-", input=said_by_officer.encode()
    )  # fmt: skip
    assert given.exit_code == 0
    needles = [needle for canary in CANARIES for needle in ways(canary)]
    office.kept.close()
    assert found_in(files(tmp_path), needles) == []
    read = run(office, "report", "verify", file, "--comments")
    assert read.exit_code == 0
    assert said_by_officer in read.output
    opened = [entry for entry in office.kept.audit.entries() if entry.action == "vault.open"]
    assert {entry.reason for entry in opened} == {"comment"}


@pytest.mark.parametrize("comment", [b"", b"  \n", b"x" * 100_001])
def test_a_comment_that_is_none_is_refused(ready, tmp_path, comment) -> None:
    (tmp_path / "comment").write_bytes(comment)
    refused = run(ready, "report", "sign", tmp_path / "comment", "--decision", "comment", "--comment-file",
                  tmp_path / "comment")  # fmt: skip
    assert refused.exit_code == 2


def test_months_that_nobody_has_signed_are_warned_of(office) -> None:
    folder = office.world.root / "docs"
    assert run(office, "report", "monthly", "-o", folder, "--lang", "fr").exit_code == 0
    listed = run(office, "report", "list")
    assert listed.exit_code == 0
    assert f"nobody has signed the report of {CURRENT.before}\n" in listed.output
    assert (
        run(office, "report", "sign", folder / f"monthly-{CURRENT.before}.json", "--decision", "approved").exit_code
        == 0
    )
    assert "nobody has signed" not in run(office, "report", "list").output
    later = months_after(datetime.now(UTC), 2)
    found = signing.months(office.kept, load(office.world.root / "organisation.yaml"), later)
    assert [(str(each.month), bool(each.signatures)) for each in found] == [
        (str(CURRENT.before), True), (str(CURRENT), False), (str(CURRENT.after), False)
    ]  # fmt: skip


def test_nobody_signs_in_the_name_of_nobody(built) -> None:
    office, file = built
    (office.world.root / "organisation.yaml").write_text(yaml.safe_dump({**ORGANISATION, "dpo": {"contact": "x"}}))
    refused = run(office, "report", "sign", file, "--decision", "approved")
    assert (refused.exit_code, "dpo.name" in refused.output) == (3, True)


def test_an_opening_that_was_killed_on_its_way_is_told(ready) -> None:
    before = len(told_of(ready)["clear_access"])
    ready.kept.audit.add("vault.open", "begun", ready.ids[0], reason="complaint")
    assert len(told_of(ready)["clear_access"]) == before + 1
    ready.kept.audit.add("vault.open", "refused", ready.ids[0], reason="KeyMissing")
    assert len(told_of(ready)["clear_access"]) == before
