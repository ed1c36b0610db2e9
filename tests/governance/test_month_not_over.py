"""The report of a month that is not over says how far it tells, is not signed as the month's, and leaves it due."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from documents_world import run

from redact.errors import UsageError
from redact.governance import monthly, signing
from redact.governance.months import Month
from redact.governance.organisation import load
from redact.governance.supervision import parts
from redact.stores.signatures import Signature

CURRENT = Month.of(datetime.now(UTC))
OVER = CURRENT.before


@pytest.fixture
def early(office):
    """A report that was made on the tenth of a month that is over by now, as the stores have it."""
    tenth = OVER.begins + timedelta(days=9, hours=10)
    rules = load(office.world.root / "organisation.yaml")
    content = monthly.write(monthly.build(office.kept, rules, OVER, tenth)).encode()
    signing.note(office.kept, f"monthly-{OVER}", [content], tenth)
    file = office.world.root / f"monthly-{OVER}.json"
    file.write_bytes(content)
    return office, file, rules, tenth


def test_it_says_until_when_it_tells_and_can_not_be_signed(office, tmp_path) -> None:
    made = run(office, "report", "monthly", "--month", CURRENT, "-o", tmp_path)
    file = tmp_path / f"monthly-{CURRENT}.json"
    told = json.loads(file.read_text())
    assert (made.exit_code, told["is_over"]) == (0, False)
    assert told["covers_until"] == told["made_at"]
    assert f"up to {told['made_at']}, and can't be signed" in made.output
    assert str(CURRENT.ends.date()) in made.output
    for form in (file, file.with_suffix(".fr.html")):
        refused = run(office, "report", "sign", form, "--decision", "approved")
        assert (refused.exit_code, f"--month {CURRENT}" in refused.output) == (2, True)
        checked = run(office, "report", "verify", form)
        assert (checked.exit_code, f"up to {told['made_at']} only" in checked.output) == (1, True)
    assert not [entry for entry in office.kept.audit.entries() if entry.action == "document.sign"]
    listed = run(office, "report", "list").output.splitlines()
    assert [line.split()[1:5] for line in listed if line.startswith(str(CURRENT))] == [["1", "times", "not", "over"]]


def test_nor_when_its_month_is_over_later(early) -> None:
    office, file, rules, _ = early
    for now in (OVER.ends - timedelta(seconds=1), OVER.ends, datetime.now(UTC)):
        with pytest.raises(UsageError, match="part of the month"):
            signing.sign(office.kept, rules, file.read_bytes(), "comment", b"well", now)
    (listed,) = signing.months(office.kept, rules)[:1]
    assert (listed.is_due, listed.built, listed.early) == (True, 1, 1)
    assert f"nobody has signed the report of {OVER}" in run(office, "report", "list").output


def test_it_may_be_signed_from_the_first_moment_behind_the_month(office) -> None:
    rules = load(office.world.root / "organisation.yaml")
    for now, is_signed in ((OVER.ends - timedelta(seconds=1), False), (OVER.ends, True)):
        content = monthly.write(monthly.build(office.kept, rules, OVER, now)).encode()
        signing.note(office.kept, f"monthly-{OVER}", [content], now)
        if is_signed:
            assert signing.sign(office.kept, rules, content, "approved").decision == "approved"
        else:
            with pytest.raises(UsageError):
                signing.sign(office.kept, rules, content, "approved")
    (listed,) = signing.months(office.kept, rules)[:1]
    assert (listed.is_due, listed.built, listed.early) == (False, 2, 1)


@pytest.mark.parametrize(
    ("language", "partial", "nobody"),
    [("en", "a part of the month only: approved, Maud", "nobody has signed it"),
     ("fr", "une partie du mois seulement : approuvé, Maud", "personne ne l’a signé")],
)  # fmt: skip
def test_one_that_was_signed_once_leaves_the_month_due(early, language, partial, nobody) -> None:
    """As stores have them from before: told as what they are, by list, verify and the officer's page."""
    office, file, rules, tenth = early
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    unsigned = Signature(f"monthly-{OVER}", digest, "", "Maud Ferrant", "approved")
    office.kept.signatures.add(unsigned, office.kept.audit, tenth)
    listed = run(office, "report", "list").output
    assert "approved of a part" in listed
    assert "1 times, 1 too early" in listed
    assert f"nobody has signed the report of {OVER}" in listed
    assert run(office, "report", "verify", file).exit_code == 1
    page = "\n".join(parts(office.kept, rules, language)).replace("\u00a0", " ").replace("\u202f", " ")
    assert partial in page
    assert nobody in page
