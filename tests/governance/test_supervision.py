"""The data protection officer's page: what is due, in both languages, by a fake clock."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from governance_world import ORGANISATION
from page_world import page

from redact.errors import PolicyError
from redact.governance.organisation import load
from redact.governance.supervision import parts
from redact.review.app import build


def read(office, language="en", now=None) -> str:
    return "\n".join(parts(office.kept, load(office.kept.settings["organisation"]), language, now))


def cards(html: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))


def test_deadlines_are_told_the_next_one_first(office):
    now = datetime.now(UTC)
    late = office.kept.cases.open("request", now - timedelta(days=2), {}, now - timedelta(days=40))
    soon = office.kept.cases.open("breach", now + timedelta(hours=50), {})
    closed = office.kept.cases.open("request", now + timedelta(days=9), {})
    office.kept.cases.change(closed.case_id, "closed", state="closed")
    html = read(office)
    assert html.index(late.case_id) < html.index(soon.case_id)
    told = cards(html)
    assert (told["Open requests"], told["Open breaches"], told["Late"]) == ("1", "1", "1")
    assert "<td>-2</td>" in html
    table = html[html.index("<h2>Deadlines") : html.index("<h2>Calls with")]
    assert closed.case_id not in table


@pytest.mark.parametrize(
    ("language", "said", "none"),
    [("en", "Drills that were not closed, without a deadline:", "No case is open."),
     ("fr", "Exercices non clos, sans échéance :", "Aucun dossier en cours.")],
)  # fmt: skip
def test_a_drill_is_no_deadline(office, language, said, none):
    """One that was interrupted stays open: it is told apart, and counts as nothing."""
    now = datetime.now(UTC)
    assert said not in read(office, language).replace("\u00a0", " ").replace("\u202f", " ")
    drill = office.kept.cases.open("breach", now - timedelta(hours=1), {"drill": True}).case_id
    html = read(office, language).replace("\u00a0", " ").replace("\u202f", " ")
    assert f"<p>{said} <code>{drill}</code></p>" in html
    assert none in html
    assert html.count(drill) == 1
    assert list(cards(html).values())[:3] == ["0", "0", "0"]
    real = office.kept.cases.open("breach", now + timedelta(hours=50), {}).case_id
    html = read(office, language)
    assert html.index(real) < html.index("</table>") < html.index(drill)


@pytest.mark.parametrize("fields", [{"sent_at": "2026-03-02T09:00:00+00:00"}, {"risk": "unlikely"}])
def test_no_day_is_counted_where_the_authority_was_told_or_need_not_be(office, fields):
    due = datetime.now(UTC) + timedelta(hours=50)
    case_id = office.kept.cases.open("breach", due, {}).case_id
    assert re.search(rf"{case_id}.*<td>2</td></tr>", read(office))
    office.kept.cases.change(case_id, "updated", fields=fields)
    assert re.search(rf"{case_id}.*<td>–</td></tr>", read(office))


def test_what_is_kept_too_long_and_what_nobody_signed_is_told_by_the_clock(office):
    assert (cards(read(office))["Kept too long"], cards(read(office))["Reports to sign"]) == ("0", "0")
    later = datetime.now(UTC) + timedelta(days=200)
    told = cards(read(office, now=later))
    assert told["Kept too long"] == "4"
    assert int(told["Reports to sign"]) >= 6


def test_it_speaks_french(office):
    html = read(office, "fr")
    assert "Échéances" in html
    assert "Durées de conservation" in html
    assert set(cards(html)) & set(cards(read(office))) == set()


def test_a_changed_log_is_shouted(office):
    office.kept.audit.add("redact", "done", "call-1")
    office.kept.close()
    with office.kept._records.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'somebody else' WHERE seq = 2")
    assert "THE LOG WAS CHANGED" in read(office)


def test_nobody_is_named_and_that_is_told(office):
    office.write({**ORGANISATION, "dpo": {}})
    with pytest.raises(PolicyError):
        read(office)


def test_the_page_is_the_officer_s_and_the_auditor_s(office):
    (office.world.root / "page").mkdir()
    opened = page(office.world.root / "page", office.kept)
    organisation = office.kept.settings["organisation"]
    place = replace(opened.place, supervision=lambda language: parts(office.kept, load(organisation), language))
    statuses = {}
    for role in ("dpo", "auditor", "lead", "reviewer"):
        token = place.reviews.begin_session(role)
        client = TestClient(build(place), base_url="http://127.0.0.1:8765", cookies={place.cookie: token})
        answer = client.get("/dpo")
        statuses[role] = answer.status_code
        if role == "dpo":
            assert "Open requests" in answer.text
            assert "Nobody heard, opened or was given one" in answer.text
    assert statuses == {"dpo": 200, "auditor": 200, "lead": 403, "reviewer": 403}
    office.write({**ORGANISATION, "dpo": {}})
    token = place.reviews.begin_session("dpo")
    client = TestClient(build(place), base_url="http://127.0.0.1:8765", cookies={place.cookie: token})
    assert "dpo.name" in client.get("/dpo").text
