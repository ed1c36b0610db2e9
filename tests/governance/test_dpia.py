"""The draft of the impact assessment: what is known is filled in, what a person judges is empty, and tests are real."""

import ast
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from documents_world import Page, organisation, run, said, without
from governance_world import Office

from redact.errors import PolicyError
from redact.governance import dpia
from redact.governance.figures import Figures, TypeFigures
from redact.governance.prose import pair
from redact.governance.qa import Qa
from redact.governance.ran import Ran
from redact.governance.words import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 8, 31, 12, tzinfo=UTC)
NOTHING = dpia.Assessed(Ran(), Qa(0, {}, Figures(0, (), None, {}), ()))


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.kept.close()


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("controller.name", "controller.name"),
        ("dpo.contact", "dpo.contact"),
        ("activities", "activities"),
        ("activities.0.name", "activities[call-recording].name"),
        ("activities.0.purposes", "activities[call-recording].purposes"),
        ("activities.0.lawful_basis", "activities[call-recording].lawful_basis"),
        ("activities.0.legitimate_interest", "activities[call-recording].legitimate_interest"),
        ("activities.0.data_subjects", "activities[call-recording].data_subjects"),
        ("activities.0.data_categories", "activities[call-recording].data_categories"),
        ("activities.0.recipients", "activities[call-recording].recipients"),
        ("security_measures", "security_measures"),
    ],
)
def test_each_field_of_the_law_that_is_empty_is_named(path, key) -> None:
    told = organisation(without(path))
    assert dpia.gaps(told) == [key]
    with pytest.raises(PolicyError) as refused:
        dpia.build(told, NOTHING, now=NOW)
    assert key in refused.value.message


@pytest.mark.parametrize("threat", dpia.threats(), ids=lambda threat: threat.threat_id)
def test_each_threat_is_proven_by_tests_that_there_are(threat) -> None:
    assert all(threat.risk[language] and threat.measure[language] for language in LANGUAGES)
    assert threat.tests
    for test in threat.tests:
        file, name = test.split("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


def test_the_threats_are_all_and_in_order() -> None:
    assert [threat.threat_id for threat in dpia.threats()] == [f"T{number}" for number in range(1, 17)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_35_7_a_to_d_and_asks_the_rest(ready, tmp_path, language) -> None:
    assert run(ready, "dpia", "draft", "-o", tmp_path / "docs", "--lang", language).exit_code == 0
    page = Page((tmp_path / "docs" / f"dpia.{language}.html").read_text())
    told = said("dpia", language)
    assert (page.language, page.title) == (language, told["title"])
    assert page.cells("Recording of calls (call-recording)", told["purposes"]) == [
        "quality of service", "training of agents"
    ]  # fmt: skip
    necessity = page.sections[pair(told["necessity"], "Recording of calls", language)].rows
    assert necessity[told["limit"]][0][0].startswith("6 ")
    assert told["risks"] in page.sections
    for threat in dpia.threats():
        assert page.cells(threat.threat_id, told["risk"])
        assert page.cells(threat.threat_id, told["measure"])
        assert page.cells(threat.threat_id, told["proven_by"]) == list(threat.tests)
        for name in ("likelihood", "severity", "residual"):
            assert page.cells(threat.threat_id, told[name]) == ["…"]
    main = page.sections[dpia.MAIN_RISK].rows
    assert (main[told["risk"]][0], main[told["measured_miss"]][0]) == ([told["main_risk"]], [told["not_measured"]])
    assert list(page.sections).index(dpia.MAIN_RISK) < list(page.sections).index("T1")
    assert {"en": "4 lie encrypted", "fr": "4 sont chiffrés au coffre"}[language] in " ".join(
        page.sections[told["description"]].texts
    )
    assert {"en": "Name", "fr": "Nom"}[language] in page.sections[told["types"]].rows
    assert page.cells(told["measures"], told["of_ours"]) == ["encryption at rest", "redaction before use"]
    assert page.boxes == 4
    assert {told["views"], told["opinion"], told["decision"]} <= set(page.sections)
    measured = page.sections[told["measured"]].texts
    assert measured[measured.index(told["recordings"]) + 1] == "4"


def test_what_is_measured_is_in_it_and_what_a_person_judges_is_empty(ready, tmp_path) -> None:
    assert run(ready, "dpia", "draft", "-o", tmp_path / "docs", "--review-months", "6").exit_code == 0
    told = json.loads((tmp_path / "docs" / "dpia.json").read_text())
    assert told["measured"]["recordings"] == {"done": 4}
    assert told["measured"]["held_share"] == 0
    assert told["measured"]["masked_share"] > 0
    assert {risk[name] for risk in told["risks"] for name in ("likelihood", "severity", "residual")} == {""}
    assert {told["dpo_opinion"], told["decision"], told["views_of_data_subjects"]} == {""}
    assert told["necessity"][0]["erased_after_months"] == 6


@pytest.mark.parametrize(
    ("originals", "wanted"),
    [
        ({}, "Nothing has run yet"),
        ({"here": 2, "moved": 1, "vault": 4, "deleted": 1, "erased": 1},
         "Of the originals of 9 redacted recordings, 4 lie encrypted in the vault, 2 are erased, and 3 lie in clear"),
        ({"here": 5}, "0 lie encrypted in the vault, 0 are erased, and 5 lie in clear"),
    ],
)  # fmt: skip
def test_what_is_said_of_originals_is_what_the_policies_did(originals, wanted) -> None:
    page = dpia.page(organisation(), dpia.Assessed(Ran(originals=originals), NOTHING.qa), "en", now=NOW)
    assert wanted in page
    assert "kept encrypted, or erased" not in page


def test_the_main_risk_is_first_and_its_measure_is_what_reviewers_found() -> None:
    reviewed = Qa(4, {}, Figures(4, (TypeFigures("PERSON", 9, 0, 1),), None, {}), ())
    told = dpia.build(organisation(), dpia.Assessed(Ran(), reviewed), now=NOW)
    assert [risk["id"] for risk in told["risks"][:2]] == ["R0", "T1"]
    assert told["risks"][0]["recall"]["share"] == 0.9
    assert dpia.build(organisation(), NOTHING, now=NOW)["risks"][0]["recall"] is None
    page = dpia.page(organisation(), dpia.Assessed(Ran(), reviewed), "en", now=NOW)
    assert "90.0% was (95 % interval 59.6% – 98.2%, 4 calls)" in page


@pytest.mark.parametrize(("months", "review"), [(6, "2027-02-28"), (12, "2027-08-31"), (1, "2026-09-30")])
def test_it_is_to_be_reviewed_and_is_the_same_for_the_same_clock(months, review) -> None:
    assert dpia.build(organisation(), NOTHING, months, NOW)["review_on"] == review
    both = [dpia.page(organisation(), NOTHING, "fr", months, NOW) for _ in range(2)]
    assert both[0] == both[1]
    assert "/".join(reversed(review.split("-"))) in both[0]
