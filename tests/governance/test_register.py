"""The register has all that Art. 30 lists, from the organisation's file and from what ran; nothing is left empty."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import yaml
from documents_world import CANARIES, Page, organisation, run, said, without
from governance_world import ORGANISATION, Office
from test_canaries_in_stores import ways

from redact.errors import PolicyError
from redact.governance import register
from redact.governance.ran import Protection, Ran
from redact.governance.words import LANGUAGES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PROTECTED = Protection(True, 4, 4, {}, 0, 0, 0, False, False)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """An office that tests only look at."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.kept.close()


PROCESSOR = {
    **ORGANISATION, "role": "processor",
    "controllers": [{"name": "Brightwater Bank", "address": "Cork", "contact": "privacy@brightwater.example"}],
    "activities": [{**ORGANISATION["activities"][0], "controller": "Brightwater Bank"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("controller.name", "controller.name"),
        ("controller.contact", "controller.contact"),
        ("dpo.name", "dpo.name"),
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
    assert register.gaps(told) == [key]
    with pytest.raises(PolicyError, match="empty in the organisation's file") as refused:
        register.build(told, Ran(), PROTECTED, NOW)
    assert key in refused.value.message


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"joint_controllers": [{"name": "Halcyon Spa"}]}, "joint_controllers[0].contact"),
        ({"representative": {"contact": "eu@halcyon.example"}}, "representative.name"),
        ({"security_measures": ["  "]}, "security_measures"),
        (
            {"activities": [{**ORGANISATION["activities"][0], "transfers": [{"country": "US", "safeguard": ""}]}]},
            "activities[call-recording].transfers[0].safeguard",
        ),
    ],
)
def test_what_is_there_in_part_is_named_too(changes, key) -> None:
    assert register.gaps(organisation(**changes)) == [key]


def test_all_that_is_missing_is_named_at_once(office) -> None:
    office.write({"activities": [{"id": "sales"}]})
    refused = run(office, "register", "build", "-o", office.world.root / "docs")
    assert refused.exit_code == 3
    wanted = ("controller.name", "controller.contact", "dpo.name", "dpo.contact", "activities[sales].purposes",
              "activities[sales].recipients", "security_measures")  # fmt: skip
    assert [key for key in wanted if key not in refused.output] == []
    assert not (office.world.root / "docs").exists()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"controllers": []}, "controllers"),
        ({"controllers": [{"name": "Brightwater Bank"}]}, "controllers[0].contact"),
        (
            {"controllers": [*PROCESSOR["controllers"], {"name": "Other", "contact": "x"}]},
            "activities of controllers[1]",
        ),
        ({"activities": [{"id": "calls", "name": "Calls"}]}, "activities[calls].controller"),
        ({"dpo": {"name": "Maud Ferrant"}}, "dpo.contact"),
        ({"security_measures": []}, "security_measures"),
    ],
)
def test_a_processor_s_register_names_what_30_2_wants(changes, key) -> None:
    assert key in register.gaps(organisation(PROCESSOR, **changes))
    assert register.gaps(organisation(PROCESSOR)) == []


def test_a_processor_s_register_is_by_controller() -> None:
    told = register.build(organisation(PROCESSOR), Ran(), PROTECTED, NOW)
    assert (told["article"], told["processor"]["name"]) == ("30(2)", "Halcyon Hotels")
    assert [each["name"] for each in told["controllers"]] == ["Brightwater Bank"]
    page = Page(register.page(organisation(PROCESSOR), Ran(), PROTECTED, "en", NOW))
    assert page.cells("Who answers for it", "On behalf of the controller 1")[0] == "Brightwater Bank"
    assert page.cells("Recording of calls (call-recording)", "On behalf of") == ["Brightwater Bank"]


def test_what_ran_is_in_it(ready, tmp_path) -> None:
    office, folder = ready, tmp_path / "docs"
    assert run(office, "register", "build", "-o", folder).exit_code == 0
    told = json.loads((folder / "register.json").read_text())
    rows = office.world.rows()
    assert told["article"] == "30(1)"
    assert told["ran"]["recordings"] == {"done": 4}
    assert told["ran"]["entity_types"] == {"PERSON": 4}
    sound = sum(row.duration_ms for row in rows)
    assert told["ran"]["masked_share"] == round(400 / sound, 4) > 0
    assert told["ran"]["policies"] == [{"name": "default", "sha256": office.world.policy.digest}]
    assert told["ran"]["models"] == [{"name": "fake", "sha256": "0" * 64}]
    assert told["ran"]["engines"] == [office.world.engine]
    assert told["security"]["found"]["log_is_whole"] is True
    assert (told["security"]["found"]["sealed"], told["security"]["found"]["readable"]) == (4, 4)
    assert told["activities"][0]["erased_after_months"] == 6


def test_a_key_that_is_gone_and_a_log_that_was_changed_show(office) -> None:
    from redact.governance.ran import protection

    office.kept.keys.destroy(office.ids[0])
    found = protection(office.kept, organisation())
    assert (found.sealed, found.readable, found.log_is_whole) == (4, 3, True)
    heads = office.world.root / "heads.jsonl"
    lines = heads.read_text().splitlines(keepends=True)
    heads.write_text("".join([lines[0].replace('"seq": 1', '"seq": 9999'), *lines[1:]]))
    assert protection(office.kept, organisation()).log_is_whole is False


@pytest.mark.parametrize(
    ("language", "who", "security", "log", "recordings"),
    [
        ("en", "Controller", "Security measures", "Log of what is done", "Recordings"),
        ("fr", "Responsable du traitement", "Mesures de sécurité", "Journal des actions", "Enregistrements"),
    ],
)
def test_the_page_has_every_field(ready, tmp_path, language, who, security, log, recordings) -> None:
    office, folder = ready, tmp_path / "docs"
    assert run(office, "register", "build", "-o", folder, "--lang", language, "--format", "html").exit_code == 0
    assert [path.name for path in folder.iterdir()] == [f"register.{language}.html"]
    page = Page((folder / f"register.{language}.html").read_text())
    told = said("register", language)
    assert (page.language, page.title) == (language, told["title"])
    people = next(section for section in page.sections.values() if who in section.rows).rows
    assert people[who][0] == ["Halcyon Hotels", "1 Quay Street, Dublin", "privacy@halcyon.example"]
    assert people[told["dpo"]][0][0] == "Maud Ferrant"
    activity = page.sections["Recording of calls (call-recording)"].rows
    assert activity[told["purposes"]][0] == ["quality of service", "training of agents"]
    wanted = ("lawful_basis", "legitimate_interest", "data_subjects", "data_categories", "recipients", "erasure")
    assert all(activity[told[name]][0] for name in wanted)
    assert "6" in activity[told["erasure"]][0][0]
    assert page.sections[security].rows[log][0][0].startswith(told["log_whole"][:20])
    assert recordings in next(section.texts for section in page.sections.values() if recordings in section.texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_classes_have_their_limit_in_it(language) -> None:
    told = organisation(retention={"requests": {"months": 60, "basis": "limitation"}})
    page = Page(register.page(told, Ran(), PROTECTED, language, NOW))
    heading, terms = said("register", language)["limits"], said("terms", language)
    limits = {
        name: page.cells(heading, terms[name])[0] for name in ("recordings", "analyses", "logs", "requests", "bases")
    }
    assert limits["analyses"] == {"en": "12 months", "fr": "12 mois"}[language]
    assert "(limitation)" in limits["requests"]
    head, row = csv.reader(io.StringIO(register.table(register.build(told, Ran(), PROTECTED, NOW), language)))
    assert row[head.index(heading)].count(";") == 4


def test_a_page_in_french_is_in_french_also_where_it_counts() -> None:
    ran = Ran(states={"done": 1}, sound_ms=5_400_000, entity_types={"PERSON": 2, "CREDIT_CARD": 1}, last="2026-05-01")
    french = register.page(organisation(), Ran(**{**_fields(ran), "first": "2026-05-01"}), PROTECTED, "fr", NOW)
    assert all(text in french for text in ("1,5", "Heures d’appels traitées", "Nom", "Carte bancaire"))
    assert "PERSON" not in french
    assert "Heures masquées" not in french


def _fields(ran: Ran) -> dict:
    return {name: getattr(ran, name) for name in ran.__slots__}


def test_what_a_person_who_asks_is_told_is_wanted_early(office) -> None:
    office.write({**ORGANISATION, "source": "", "authority": {"name": "CNIL"}})
    made = run(office, "register", "build", "-o", office.world.root / "docs")
    assert made.exit_code == 0
    assert "lacks: authority.contact, source" in made.output
    office.write(ORGANISATION)
    assert "lacks" not in run(office, "register", "build", "-o", office.world.root / "docs", "--force").output


def test_the_table_reads_back_and_computes_nothing() -> None:
    told = organisation(
        activities=[{**ORGANISATION["activities"][0], "name": "=1+1", "purposes": ['a "quoted", one', "two"]}]
    )
    for language in LANGUAGES:
        text = register.table(register.build(told, Ran(), PROTECTED, NOW), language)
        head, row = csv.reader(io.StringIO(text))
        assert len(head) == len(set(head)) == len(row)
        assert row[1] == "'=1+1"
        assert 'a "quoted", one; two' in row


def test_it_is_the_same_for_the_same_clock(ready) -> None:
    from redact.governance.ran import protection, ran

    told = organisation()
    both = [
        register.page(told, ran(ready.kept, ready.archives), protection(ready.kept, told), "fr", NOW) for _ in range(2)
    ]
    assert both[0] == both[1]
    assert "01/06/2026" in both[0]


def test_words_of_another_language_come_from_the_file_beside(office) -> None:
    activity = {"id": "call-recording", "purposes": ["qualité de service", "formation"]}
    beside = office.world.root / "organisation.fr.yaml"
    beside.write_text(yaml.safe_dump({"activities": [activity], "security_measures": ["chiffrement"]}))
    folder = office.world.root / "docs"
    assert run(office, "register", "build", "-o", folder, "--format", "html").exit_code == 0
    heading = "Recording of calls (call-recording)"
    french = Page((folder / "register.fr.html").read_text())
    assert french.cells(heading, "Finalités") == ["qualité de service", "formation"]
    assert french.cells(heading, "Catégories de destinataires") == ["the quality team"]
    english = Page((folder / "register.en.html").read_text())
    assert english.cells(heading, "Purposes") == ["quality of service", "training of agents"]


def test_a_translation_that_leaves_something_out_is_told_with_its_keys(office) -> None:
    beside, folder = office.world.root / "organisation.fr.yaml", office.world.root / "docs"
    told = yaml.safe_load((office.world.root / "organisation.yaml").read_text())
    texts = {
        name: told["activities"][0][name]
        for name in ("name", "purposes", "data_subjects", "data_categories", "legitimate_interest", "transfers")
        if name in told["activities"][0]
    }
    whole = {
        key: told[key] for key in ("automated_decisions", "provision", "source", "security_measures") if key in told
    }

    def said(activities: list) -> str:
        beside.write_text(yaml.safe_dump({**whole, "activities": activities}))
        made = run(office, "register", "build", "-o", folder, "--force")
        assert made.exit_code == 0
        return made.output

    left_out = said([{"id": "call-recording", **texts}])
    assert left_out.count("organisation.fr.yaml leaves out activities[call-recording].recipients: ") == 1
    assert "activities[call-recording]:" in said([])
    assert "leaves out" not in said([{"id": "call-recording", **texts, "recipients": ["l'équipe qualité"]}])


def test_the_template_is_an_organisation_that_lacks_what_the_law_wants(tmp_path, ready) -> None:
    printed = run(ready, "register", "template").output
    (tmp_path / "mine.yaml").write_text(printed)
    from redact.governance.organisation import load

    assert "controller.name" in register.gaps(load(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("arguments", [["--format", "pdf"], ["--lang", "de"], ["--lang", "en,en"], ["--format", ","]])
def test_what_makes_no_sense_is_refused(ready, tmp_path, arguments) -> None:
    refused = run(ready, "register", "build", "-o", tmp_path / "docs", *arguments)
    assert refused.exit_code == 2
    assert not (tmp_path / "docs").exists()


def test_files_that_exist_stay_and_all_are_their_owner_s_alone(office) -> None:
    folder = office.world.root / "docs"
    assert run(office, "register", "build", "-o", folder).exit_code == 0
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(office, "register", "build", "-o", folder).exit_code == 11
    assert before == {path: path.read_bytes() for path in folder.iterdir()}
    assert run(office, "register", "build", "-o", folder, "--force").exit_code == 0
    built = [entry for entry in office.kept.audit.entries() if entry.action == "document.build"]
    assert [entry.outcome for entry in built] == ["begun", "done", "begun", "refused", "begun", "done"]


def test_nothing_of_a_call_is_in_any_document(office) -> None:
    for number, canary in enumerate(CANARIES):
        office.world.add(f"{canary}/call-{canary}.wav", b"RIFF " + canary.encode() * (number + 1))
    office.kept.close()
    office.world.run()
    folder = office.world.root / "docs"
    month = f"{datetime.now(UTC):%Y-%m}"
    for command in (
        ["register", "build"],
        ["notice", "build"],
        ["dpia", "draft"],
        ["report", "monthly", "--month", month],
    ):
        assert run(office, *command, "-o", folder).exit_code == 0
    assert json.loads((folder / "register.json").read_text())["ran"]["recordings"] == {"done": 8}
    assert len(list(folder.iterdir())) == 5 + 7 + 3 + 3
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert [canary for canary in CANARIES for needle in ways(canary) if needle in content] == []
