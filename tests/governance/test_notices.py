"""What callers are told: all of Art. 13, the first layer in twenty seconds, in versions that consent points to."""

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from batch_world import World
from documents_world import Page, organisation, run, said, without
from governance_world import ORGANISATION

from redact.errors import PolicyError, UsageError
from redact.governance import notices
from redact.governance.words import LANGUAGES, words
from redact.stores.consent import COLUMNS, read_csv

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


class House:
    """Stores before any batch has run, and an organisation: what notices need."""

    def __init__(self, root) -> None:
        self.world = World(root)
        self.kept = self.world.stores()
        (root / "organisation.yaml").write_text(yaml.safe_dump(ORGANISATION))

    @property
    def config(self) -> list[str]:
        return ["--config", str(self.world.root / "redact.toml")]


@pytest.fixture
def office(tmp_path):
    made = House(tmp_path)
    yield made
    made.kept.close()


BOTH = {language: organisation() for language in LANGUAGES}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("controller.name", "controller.name"),
        ("controller.contact", "controller.contact"),
        ("dpo.contact", "dpo.contact"),
        ("authority.name", "authority.name"),
        ("authority.contact", "authority.contact"),
        ("website", "website"),
        ("activities", "activities"),
        ("activities.0.name", "activities[call-recording].name"),
        ("activities.0.purposes", "activities[call-recording].purposes"),
        ("activities.0.lawful_basis", "activities[call-recording].lawful_basis"),
        ("activities.0.legitimate_interest", "activities[call-recording].legitimate_interest"),
        ("activities.0.recipients", "activities[call-recording].recipients"),
        ("automated_decisions", "automated_decisions"),
        ("provision", "provision"),
    ],
)
def test_each_field_of_the_law_that_is_empty_is_named(path, key, office) -> None:
    told = organisation(without(path))
    assert notices.gaps(told) == [key]
    with pytest.raises(PolicyError) as refused:
        notices.build({"en": told}, office.kept.notices, "calls", NOW)
    assert key in refused.value.message
    assert office.kept.notices.all() == ()


@pytest.mark.parametrize(
    ("text", "words_told"),
    [
        ("We record this call.", 4),
        ("Vous pouvez vous y opposer : dites-le au conseiller.", 8),
        ("halcyon.example/privacy", 5),
        ("halcyon.example/privacy.", 6),
        ("0639981234", 5),
        ("6 months", 2),
        ("", 0),
        ("— : !", 0),
    ],
)
def test_reading_aloud_is_estimated_by_what_is_said(text, words_told) -> None:
    assert notices.spoken_s(text) == pytest.approx(60 * words_told / 150)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_announcement_is_short_and_says_the_first_layer(language, office) -> None:
    built = notices.build({language: organisation()}, office.kept.notices, "calls", NOW)
    said = next(each.content for each in built.notices if each.form == "ivr")
    assert 5 < built.seconds[language] <= 20
    for wanted in ("Halcyon Hotels", "quality of service", "6", "halcyon.example/privacy"):
        assert wanted in said
    assert ("oppos" if language == "fr" else "object") in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_announcement_is_refused_and_nothing_is_kept(language, office) -> None:
    long = {**ORGANISATION["activities"][0], "purposes": ["one more good reason to record"] * 9}
    long["purposes"] = [f"{purpose} {number}" for number, purpose in enumerate(long["purposes"])]
    with pytest.raises(PolicyError, match="20 at most"):
        notices.build({language: organisation(activities=[long])}, office.kept.notices, "calls", NOW)
    assert office.kept.notices.all() == ()


@pytest.mark.parametrize(
    ("basis", "ivr", "script", "rights"),
    [
        ("consent", "ivr_consent", "agent_withdraw", "port"),
        ("legitimate_interest", "ivr_object", "agent_object", "object"),
        ("public_task", "ivr_object", "agent_object", "object"),
        ("legal_obligation", None, None, None),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_can_do_depends_on_the_basis(basis, ivr, script, rights, language) -> None:
    told = organisation(activities=[{**ORGANISATION["activities"][0], "lawful_basis": basis}])
    told_as = said("notices", language)
    announced = " ".join(notices.announcement(told, language).split())
    assert [key for key in ("ivr_consent", "ivr_object") if told_as[key] in announced] == ([ivr] if ivr else [])
    agent = " ".join(notices.script(told, language).split())
    assert [key for key in ("agent_withdraw", "agent_object") if told_as[key] in agent] == ([script] if script else [])
    page = Page(notices.page(told, language, 1, "2026-03-01"))
    listed = page.cells(told_as["rights"], told_as["your_rights"])
    assert [name for name in ("object", "port") if told_as[name] in listed] == ([rights] if rights else [])
    assert (told_as["withdrawal"] in page.sections[told_as["rights"]].rows) == (basis == "consent")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_all_of_article_13(language) -> None:
    page = Page(notices.page(organisation(), language, 2, "2026-03-01T09:00:00+00:00"))
    told = said("notices", language)
    assert page.language == language
    assert page.cells(told["who"], told["controller"])[0] == "Halcyon Hotels"
    assert "dpo@halcyon.example" in page.cells(told["who"], told["dpo"])
    activity = page.sections["Recording of calls"].rows
    wanted = ("purposes", "lawful_basis", "legitimate_interest", "recipients", "transfers", "retention")
    assert all(activity[told[name]][0] for name in wanted)
    rights = page.sections[told["rights"]].rows
    assert len(rights[told["your_rights"]][0]) == 5 + (language == "fr")
    assert (told["after_death"] in rights[told["your_rights"]][0]) == (language == "fr")
    assert {"fr": "prolongé de 2 mois", "en": "2 months more"}[language] in rights[told["ask"]][0][0]
    assert activity[told["analyses"]][0] == [{"fr": "12 mois", "en": "12 months"}[language]]
    assert told["safeguards"] not in activity
    assert any(told["redacted"] == text for section in page.sections.values() for text in section.texts)
    assert rights[told["complaint"]][0][0] == "CNIL"
    assert rights[told["automated"]][0] == ["none"]
    assert rights[told["source"]][0] == ["the call itself"]
    assert rights[told["provision"]][0] == ["Nobody has to be recorded; the call goes on without."]
    day = "01/03/2026" if language == "fr" else "2026-03-01"
    assert any("2" in text and day in text for text in page.sections[told["title"]].texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_transfers_says_where_a_copy_of_the_safeguards_is_to_be_had(language) -> None:
    abroad = {**ORGANISATION["activities"][0], "transfers": [{"country": "US", "safeguard": "clauses"}]}
    page = Page(notices.page(organisation(activities=[abroad]), language, 1, "2026-03-01"))
    assert "dpo@halcyon.example" in page.cells("Recording of calls", said("notices", language)["safeguards"])[0]


@pytest.mark.parametrize(
    ("basis", "language", "wanted", "other"),
    [
        ("consent", "fr", "Acceptez-vous que cet appel soit enregistré ? Sinon il continue sans", "d’objection"),
        ("consent", "en", "Do you agree to its being recorded? If not, it goes on without", "This call is recorded"),
        ("legitimate_interest", "fr", "Vous avez le droit de vous y opposer", "Acceptez-vous"),
        ("legitimate_interest", "en", "You have the right to object", "Do you agree"),
        ("legal_obligation", "en", "This call is recorded by", "object"),
    ],
)
def test_the_agent_asks_for_consent_and_names_the_right_to_object(basis, language, wanted, other) -> None:
    told = organisation(activities=[{**ORGANISATION["activities"][0], "lawful_basis": basis}])
    agent = " ".join(notices.script(told, language).split())
    assert wanted in agent
    assert other not in agent


@pytest.mark.parametrize(
    ("name", "language", "wanted"),
    [
        ("CNIL", "fr", "réclamation à la CNIL."),
        ("CNIL", "en", "complain to the CNIL."),
        ("APD", "fr", "réclamation à l’autorité de contrôle, APD."),
        ("Data Protection Commission", "en", "complain to Data Protection Commission."),
    ],
)
def test_the_authority_is_called_as_one_says_it(name, language, wanted) -> None:
    told = organisation(authority={"name": name, "contact": "https://authority.example"})
    assert wanted in " ".join(notices.script(told, language).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_agent_promises_no_more_than_is_done(language) -> None:
    agent = " ".join(notices.script(organisation(), language).split())
    wanted = {"en": ("that our tools find", "12 months", "the law or a dispute"),
              "fr": ("que nos outils détectent", "12 mois", "la loi ou un litige")}  # fmt: skip
    assert [text for text in wanted[language] if text not in agent] == []


def test_a_new_version_is_made_only_where_something_changed(office) -> None:
    kept = office.kept.notices
    first = notices.build(BOTH, kept, "calls", NOW)
    again = notices.build(BOTH, kept, "calls", NOW + timedelta(days=30))
    assert (first.is_new, again.is_new, again.notices) == (True, False, first.notices)
    assert len(kept.all()) == 6
    changed = {language: organisation(website="https://halcyon.example/calls") for language in LANGUAGES}
    second = notices.build(changed, kept, "calls", NOW + timedelta(days=60))
    assert {each.version for each in second.notices} == {2}
    assert second.notices[0].valid_from == "2026-04-30T09:00:00+00:00"
    assert len(kept.all()) == 12
    back = notices.build(BOTH, kept, "calls", NOW + timedelta(days=90))
    assert {each.version for each in back.notices} == {3}
    assert {n.sha256 for n in back.notices if n.form == "ivr"} == {n.sha256 for n in first.notices if n.form == "ivr"}
    for each in kept.all():
        assert each.sha256 == hashlib.sha256(each.content.encode()).hexdigest()


def test_a_language_that_comes_later_is_new_and_the_other_stays(office) -> None:
    kept = office.kept.notices
    notices.build({"fr": organisation()}, kept, "calls", NOW)
    both = notices.build(BOTH, kept, "calls", NOW)
    assert both.is_new
    assert {each.version for each in both.notices} == {2}
    assert not notices.build({"fr": organisation()}, kept, "calls", NOW).is_new


def test_ids_that_can_be_none_and_processors_are_refused(office) -> None:
    for wrong in ("", "Calls", "a b", "../x", "x" * 41):
        with pytest.raises(UsageError):
            notices.build(BOTH, office.kept.notices, wrong, NOW)
    with pytest.raises(PolicyError, match="controllers"):
        notices.build({"en": organisation(role="processor")}, office.kept.notices, "calls", NOW)


def test_files_are_what_is_kept_to_the_byte(office) -> None:
    folder = office.world.root / "docs"
    made = run(office, "notice", "build", "--id", "calls", "-o", folder)
    assert made.exit_code == 0
    manifest = json.loads((folder / "calls-v1.json").read_text())
    assert len(manifest["texts"]) == 6
    for text in manifest["texts"]:
        assert hashlib.sha256((folder / text["file"]).read_bytes()).hexdigest() == text["sha256"]
    listed = run(office, "notice", "list").output
    assert all(text["sha256"] in listed for text in manifest["texts"])
    ivr = next(text for text in manifest["texts"] if (text["language"], text["form"]) == ("fr", "ivr"))
    shown = run(office, "notice", "show", ivr["sha256"])
    assert shown.exit_code == 0
    assert (folder / ivr["file"]).read_text().strip() in shown.output
    assert run(office, "notice", "show", "other").exit_code == 2
    assert run(office, "notice", "show", "calls", "--version", "2").exit_code == 2


def test_consent_that_points_to_no_notice_is_told(office) -> None:
    kept = office.kept
    built = notices.build(BOTH, kept.notices, "calls", NOW)
    other = notices.build({"en": organisation(website="https://x.example")}, kept.notices, "others", NOW)
    heard, strange = built.notices[0].sha256, other.notices[0].sha256
    at = "2026-03-02T09:00:00+00:00"

    def row(call: str, digest: str, basis: str = "consent") -> str:
        return f"{call},person-{call},{basis},quality,calls,{digest},en,ivr,voice,{at},{at},"

    def record(*lines: str) -> None:
        kept.consent.add(read_csv(io.StringIO("\n".join([",".join(COLUMNS), *lines]) + "\n"), kept.consent))

    record(row("c-1", heard), row("c-2", ""), row("c-3", "", "contract"))
    told = notices.check(kept.consent, kept.notices)
    assert (told.known, told.unknown, told.other, told.unhashed) == (1, (), (), 1)
    assert run(office, "notice", "check").exit_code == 0
    record(row("c-4", "f" * 64), row("c-5", strange))
    told = notices.check(kept.consent, kept.notices)
    assert (told.unknown, told.other) == (("c-4",), ("c-5",))
    assert told.early == ()
    wrong = run(office, "notice", "check")
    assert wrong.exit_code == 1
    assert "c-4" in wrong.output
    assert "c-1" not in wrong.output


def test_consent_that_is_older_than_its_notice_is_told(office) -> None:
    kept = office.kept
    heard = notices.build(BOTH, kept.notices, "calls", NOW).notices[0].sha256
    lines = [
        f"{call},person-{call},{basis},quality,calls,{heard},en,ivr,voice,{at.isoformat()},{at.isoformat()},"
        for call, basis, at in (
            ("c-1", "consent", NOW),
            ("c-2", "consent", NOW - timedelta(seconds=1)),
            ("c-3", "contract", NOW - timedelta(days=9)),
        )
    ]
    kept.consent.add(read_csv(io.StringIO("\n".join([",".join(COLUMNS), *lines]) + "\n"), kept.consent))
    notices.build({"en": organisation(website="https://x.example")}, kept.notices, "calls", NOW + timedelta(days=1))
    notices.build(BOTH, kept.notices, "calls", NOW + timedelta(days=2))  # the first text is valid again
    told = notices.check(kept.consent, kept.notices)
    assert (told.known, told.early, told.unknown, told.other) == (2, ("c-2",), (), ())
    wrong = run(office, "notice", "check")
    assert wrong.exit_code == 1
    assert "c-2   consent was given before the notice was valid" in wrong.output


def test_all_words_are_in_both_languages() -> None:
    for name in ("notices", "register", "dpia", "monthly", "terms"):
        english, french = words(name, "en"), words(name, "fr")
        for key in english:
            assert english[key], (name, key)
            assert french[key], (name, key)
            slots = [sorted(part.split("}")[0] for part in text.split("{")[1:]) for text in (english[key], french[key])]
            assert slots[0] == slots[1], (name, key)
