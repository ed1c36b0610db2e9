"""People's requests from the day they come to the answer, on the command line, in both languages."""

import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from governance_world import ORGANISATION, Office
from stores_world import files
from subject_world import (
    EMAIL,
    NAME,
    PERSON,
    PHONE,
    REFERENCE,
    STREET,
    TERMS,
    TYPED,
    confirmed,
    consented,
    content,
    indexed,
    opened,
    redact,
)
from test_canaries_in_stores import found_in, ways

from redact.errors import CannotWrite, ExitCode
from redact.governance import access, packs, subject_erasure, subjects
from redact.governance.organisation import load
from redact.publish import Staged

LETTERS = {
    "en": {"acknowledgement": "by {due} at the latest", "answer": "open-pack", "erased": "erasure-",
           "refusal": "judicial remedy", "extension": "extend", "identity": "doubts", "restriction": "not used"},
    "fr": {"acknowledgement": "au plus tard le {due}", "answer": "open-pack", "erased": "erasure-",
           "refusal": "recours juridictionnel", "extension": "prolongeons", "identity": "doutes",
           "restriction": "limitation"},
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An office for the tests that leave its recordings as they are."""
    made = Office(tmp_path_factory.mktemp("shared"))
    yield made
    made.kept.close()


def letter(office, tmp_path_factory, case_id: str, kind: str) -> tuple[str, str]:
    """A letter's text and page, written where no test looks for what must not lie there."""
    folder = tmp_path_factory.mktemp("letters")
    told = redact(office, "subject", "letter", case_id, kind, "-o", str(folder / "letter.html"))
    assert told.code == 0, told.text
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    return (folder / "letter.txt").read_text(), (folder / "letter.html").read_text()


def exported(office, case_id: str, *args: str):
    target = office.world.root / f"{case_id}.redact-pack"
    told = redact(office, "subject", "export", case_id, "-o", str(target), "--force", *args)
    phrase = re.search(r"this once: (\S+)", told.text)
    return told, target, phrase[1] if phrase else ""


@pytest.mark.parametrize("language", ["en", "fr"])
def test_access_from_the_request_to_the_answer(shared, tmp_path_factory, language: str) -> None:
    office = shared
    case_id = opened(office, "access", language, checked=False)
    due = subjects.request(office.kept, case_id).due_at.astimezone()
    text, page = letter(office, tmp_path_factory, case_id, "acknowledgement")
    month = {"en": due.strftime("%B"), "fr": ""}[language]
    assert NAME in text and STREET in text and case_id in text and month in text and str(due.year) in text  # noqa: PT018
    assert f'<html lang="{language}">' in page
    early = redact(office, "subject", "letter", case_id, "identity", "-o", str(tmp_path_factory.mktemp("x") / "l"))
    assert early.code == ExitCode.USAGE  # nobody doubts who asks
    assert f"redact subject identity {case_id} doubtful" in early.text
    redact(office, "subject", "identity", case_id, "doubtful")
    assert LETTERS[language]["identity"] in letter(office, tmp_path_factory, case_id, "identity")[0]
    told = redact(office, "subject", "find", case_id, "-", typed=TERMS)
    assert {line.split()[0] for line in told.text.splitlines() if line.startswith("call-")} == set(office.ids[:2])
    assert "phone" in told.text and "email" in told.text  # noqa: PT018
    assert exported(office, case_id)[0].code == ExitCode.USAGE  # nobody knows who asks
    redact(office, "subject", "identity", case_id, "checked")
    refused = exported(office, case_id)
    assert refused[0].code == ExitCode.USAGE  # a match may be another's
    assert not refused[1].exists()
    redact(office, "subject", "find", case_id, "--only", office.ids[0])
    done, target, phrase = exported(office, case_id)
    assert done.code == 0, done.text
    with target.open("rb") as file, zipfile.ZipFile(content(packs.opened(file, phrase, case_id))) as pack:
        names = set(pack.namelist())
        told = json.loads(pack.read("information.json"))
        page = pack.read("index.html").decode()
        assert pack.read(f"recordings/{office.ids[0]}.txt") == b"[PERSON_1]"
    assert names == {
        "information.json",
        "index.html",
        *(f"recordings/{office.ids[0]}{s}" for s in (".wav", ".txt", ".json")),
    }
    assert told["activities"][0]["retention_months"] == 6
    assert told["retention_months"] == {"recordings": 6, "analyses": 12, "requests": 60, "logs": 12, "bases": 60}
    assert {"en": "decisions of the quality team</td><td>12 months", "fr": "équipe qualité</td><td>12 mois"}[
        language
    ] in re.sub(r"\s*\n\s*", "", page)
    for said in (
        "quality of service",
        "voice",
        "the quality team",
        "CNIL",
        "the call itself",
        "privacy@halcyon.example",
    ):
        assert said in page
    assert {"en": "lodge a complaint", "fr": "introduire une réclamation"}[language] in page
    text, _ = letter(office, tmp_path_factory, case_id, "answer")
    assert LETTERS[language]["answer"] in text
    assert "pip install" not in text
    assert {"en": "Article 15(3)", "fr": "article 15, paragraphe 3"}[language] in text
    assert {"en": "Article 12(3)", "fr": "article 12, paragraphe 3"}[language] in text
    assert not re.search(r"12\(4\)|12, paragraphe 4", text)  # nothing was refused
    assert redact(office, "subject", "close", case_id, "--outcome", "done").code == 0
    assert redact(office, "subject", "find", case_id, "--all").code == ExitCode.USAGE
    assert office.kept.audit.verify() > 0


@pytest.mark.parametrize("in_the_way", ["a file", "a folder"])
def test_a_pack_that_can_t_be_published_is_no_export(office, tmp_path, in_the_way: str) -> None:
    """Neither for the case, nor for its letter and its end; log and case agree, and once it works both have it."""
    case_id = confirmed(office, "access")
    target, rules = tmp_path / "out" / "x.redact-pack", load(office.world.root / "organisation.yaml")

    def export(publish) -> None:
        with Staged(target.parent, private=True) as staged:
            how = access.Packing(packs.passphrase(), publish=lambda: publish(staged))
            access.export(office.kept, rules, case_id, staged.open(target.name), how)

    def too_late(staged: Staged) -> None:  # somebody took the name while the pack was made
        assert [entry.outcome for entry in office.kept.audit.tail(1)] == ["begun"]
        target.write_bytes(b"another's") if in_the_way == "a file" else target.mkdir()
        staged.publish(force=in_the_way == "a folder")

    with pytest.raises(CannotWrite):
        export(too_late)
    assert [event.what for event in office.kept.cases.events(case_id)].count("exported") == 0
    assert [(e.action, e.outcome, e.reason) for e in office.kept.audit.tail(1)] == [
        ("subject.export", "refused", "CannotWrite")
    ]
    office.kept.close()
    assert redact(office, "subject", "letter", case_id, "answer", "-o", str(tmp_path / "l")).code == ExitCode.USAGE
    assert redact(office, "subject", "close", case_id, "--outcome", "done").code == ExitCode.USAGE
    target.unlink() if in_the_way == "a file" else target.rmdir()
    export(lambda staged: staged.publish(force=False))
    assert target.stat().st_size > 0
    assert [event.what for event in office.kept.cases.events(case_id)].count("exported") == 1
    assert [e.outcome for e in office.kept.audit.entries() if e.action == "subject.export"] == [
        "begun", "refused", "begun", "done"
    ]  # fmt: skip
    assert redact(office, "subject", "close", case_id, "--outcome", "done").code == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_erasure_with_certificates_and_what_a_legal_hold_keeps(office, tmp_path_factory, language: str) -> None:
    case_id = confirmed(office, "erasure", language)
    gone, held = office.ids[:2]
    office.kept.marks.put(held, "legal_hold", "litigation")
    target = tmp_path_factory.mktemp("out") / "certificates.json"
    told = redact(office, "subject", "erase", case_id, "-o", str(target), "--yes")
    assert told.code == ExitCode.SOME_FAILED
    assert f"{held}  not erased: legal hold" in told.text
    assert office.outputs_of(gone) == []
    assert office.outputs_of(held)
    signed = json.loads(target.read_text())
    assert [each["recording_id"] for each in signed["certificates"]] == [gone]
    assert office.kept.audit.is_signed(subject_erasure.signed_part(signed), signed["signature"])
    assert not office.kept.audit.is_signed(subject_erasure.signed_part({**signed, "case": "x"}), signed["signature"])
    text, _ = letter(office, tmp_path_factory, case_id, "erased")
    assert LETTERS[language]["erased"] in text
    assert {"en": "erased one recording, with its original", "fr": "effacé un enregistrement, avec son original"}[
        language
    ] in text  # and not "each" of one
    closing = ("subject", "close", case_id, "--told-all", "--outcome")
    assert redact(office, *closing, "done").code == ExitCode.USAGE  # not all is erased
    assert redact(office, *closing, "partly").code == ExitCode.USAGE  # and no reason
    assert redact(office, *closing, "partly", "--reason", "legal_claims").code == 0
    text, _ = letter(office, tmp_path_factory, case_id, "refusal")
    assert LETTERS[language]["refusal"] in text
    assert {"en": "We can't do all", "fr": "pas donner entièrement suite"}[language] in text  # a part was done
    assert subjects.request(office.kept, case_id).case.fields["told"] == ["call-recording/1"]


def test_certificates_that_could_not_be_written_are_written_by_the_next_run(office, tmp_path_factory) -> None:
    case_id = confirmed(office, "erasure")
    folder = tmp_path_factory.mktemp("out")
    rules = load(office.world.root / "organisation.yaml")
    assert subject_erasure.erase_all(office.kept, rules, case_id).left == {}
    told = redact(office, "subject", "erase", case_id, "-o", str(folder / "c.json"), "--yes")
    assert told.code == 0, told.text
    assert len(json.loads((folder / "c.json").read_text())["certificates"]) == 2
    assert redact(office, "subject", "close", case_id, "--outcome", "done", "--told", "the quality team").code == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_refusal_names_complaint_and_remedy(shared, tmp_path_factory, language: str) -> None:
    office = shared
    case_id = opened(office, "objection", language, checked=False)
    assert redact(office, "subject", "close", case_id, "--outcome", "refused").code == ExitCode.USAGE
    assert redact(office, "subject", "close", case_id, "--outcome", "withdrawn", "--reason", "unfounded").code == 2
    refused = redact(office, "subject", "letter", case_id, "refusal", "-o", str(tmp_path_factory.mktemp("x") / "l"))
    assert refused.code == ExitCode.USAGE  # it was not refused
    assert redact(office, "subject", "extend", case_id, "--reason", "number").code == 0
    text = letter(office, tmp_path_factory, case_id, "extension")[0]
    assert LETTERS[language]["extension"] in text
    assert {"en": "12(3)", "fr": "12, paragraphe 3"}[language] in text
    assert {"en": "12(4)", "fr": "12, paragraphe 4"}[language] not in text
    no_ground = redact(office, "subject", "close", case_id, "--outcome", "refused", "--reason", "no_ground")
    assert no_ground.code == ExitCode.USAGE  # it is us who need grounds against an objection
    assert "overriding" in no_ground.text
    assert redact(office, "subject", "close", case_id, "--outcome", "refused", "--reason", "overriding").code == 0
    text, page = letter(office, tmp_path_factory, case_id, "refusal")
    assert {"en": "We do not act on your request\n", "fr": "Nous ne donnons pas suite à votre demande\n"}[
        language
    ] in text
    assert not re.search(r"not (on )?all of|entièrement", text)  # nothing was done
    for said in ("CNIL", LETTERS[language]["refusal"], {"en": "12(4)", "fr": "12, paragraphe 4"}[language]):
        assert said in text and said in page  # noqa: PT018


@pytest.mark.parametrize(
    ("kind", "reason", "english", "french"),
    [
        ("objection", "overriding", "compelling legitimate grounds", "motifs légitimes et impérieux"),
        ("objection", "legal_claims", "legal claims (Article 21(1)", "justice (article 21, paragraphe 1"),
        ("erasure", "legal_claims", "legal claims (Article 17(3)(e)", "justice (article 17, paragraphe 3, point e)"),
        ("restriction", "no_ground", "(Articles 16 to 18 of", "(articles 16 à 18 du"),
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_refusal_cites_what_allows_it_for_that_request(
    shared, tmp_path_factory, language, kind, reason, english, french
) -> None:
    case_id = opened(shared, kind, language)
    assert redact(shared, "subject", "close", case_id, "--outcome", "refused", "--reason", reason).code == 0
    assert {"en": english, "fr": french}[language] in letter(shared, tmp_path_factory, case_id, "refusal")[0]


@pytest.mark.parametrize(("kind", "reason"), [("access", "no_ground"), ("erasure", "overriding")])
def test_a_reason_that_is_none_for_that_request_is_refused(shared, kind, reason) -> None:
    case_id = opened(shared, kind)
    told = redact(shared, "subject", "close", case_id, "--outcome", "refused", "--reason", reason)
    assert told.code == ExitCode.USAGE
    assert "legal_claims" in told.text
    assert reason not in told.error.hint


@pytest.mark.parametrize(
    ("kind", "reason", "cited", "not_cited"),
    [
        ("restriction", "accuracy", ("Article 18 of",), ("Article 21", "18(1)(d)")),
        ("objection", "objection", ("Article 21", "18(1)(d)"), ("as you asked",)),
        ("rectification", "accuracy", ("(rectification of your data)",), ("Article 18", "Article 21")),
    ],
)
def test_a_letter_about_a_restriction_cites_what_it_rests_on(
    office, tmp_path_factory, kind, reason, cited, not_cited
) -> None:
    case_id = confirmed(office, kind)
    hint = redact(office, "subject", "letter", case_id, "answer", "-o", str(tmp_path_factory.mktemp("x") / "l"))
    assert hint.code == ExitCode.USAGE
    assert "export" not in hint.text
    assert {"rectification": "rectify CASE"}.get(kind, "restrict CASE") in hint.text
    assert redact(office, "subject", "restrict", case_id, "--reason", reason).code == 0
    text, _ = letter(office, tmp_path_factory, case_id, "restriction")
    assert "kept and not used" in text
    assert all(said in text for said in cited)
    assert not any(said in text for said in not_cited)
    lifted = letter(office, tmp_path_factory, case_id, "lifted")[0]
    assert ("your objection" in lifted) is (kind == "objection")
    if kind == "objection":
        target = tmp_path_factory.mktemp("out") / "c.json"
        assert redact(office, "subject", "erase", case_id, "-o", str(target), "--yes").code == 0
        assert "Article 17(1)(c)" in letter(office, tmp_path_factory, case_id, "erased")[0]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_excessive_request_is_not_said_to_be_a_repeated_one(shared, tmp_path_factory, language) -> None:
    case_id = opened(shared, "access", language)
    redact(shared, "subject", "close", case_id, "--outcome", "refused", "--reason", "excessive")
    text = letter(shared, tmp_path_factory, case_id, "refusal")[0]
    assert {"en": "in particular", "fr": "notamment"}[language] in text
    assert not re.search(r"because it is repeated|en raison de son caractère", text)


@pytest.mark.parametrize(
    ("language", "beside", "warned", "told"),
    [
        ("fr", "", True, "quality of service"),
        ("en", "", False, "quality of service"),
        ("fr", "fr", False, "qualité du service"),
        ("en", "fr", False, "quality of service"),
        ("en", "en", False, "qualité du service"),
        ("fr", "en", False, "quality of service"),
    ],
)
def test_a_person_is_answered_in_the_organisation_s_words_of_that_language(
    shared, tmp_path_factory, language, beside, warned, told
) -> None:
    case_id = confirmed(shared, "access", language)
    file = shared.world.root / f"organisation.{beside or 'none'}.yaml"
    purposes = {"id": "call-recording", "purposes": ["qualité du service"]}
    file.write_text(json.dumps({"activities": [purposes], "controller": {"name": "Alcyon"}}))
    try:
        done, target, phrase = exported(shared, case_id)
        text, _ = letter(shared, tmp_path_factory, case_id, "answer")
    finally:
        file.unlink()
    assert done.code == 0
    assert ("perhaps not in" in done.text) is warned
    assert ("leaves out" in done.text) is (beside == language)
    with target.open("rb") as opened_file, zipfile.ZipFile(content(packs.opened(opened_file, phrase))) as pack:
        assert told in pack.read("index.html").decode()
    assert ("Alcyon" in text) is (beside == language)


def test_every_text_of_a_letter_is_in_both_languages_and_can_be_filled_in() -> None:
    from redact.governance.words import words

    for name in ("letters", "access"):
        english, french = words(name, "en"), words(name, "fr")
        assert english.keys() == french.keys()
        for key, said in english.items():
            filled = set(re.findall(r"{\w+}", said)) - (
                {"{name}"} if key == "dear" else set()
            )  # French names nobody there
            assert filled == set(re.findall(r"{\w+}", french[key])), key
            assert not re.search(r"(?<![\s{:]) [:;?!»]( |$)", french[key]), f"{key}: a space that may break"
    from redact.cli import subject
    from redact.governance import letters

    assert letters.KINDS == subject._LETTERS
    assert subjects.KINDS == subject._KINDS
    assert subjects.REFUSALS == subject._REFUSALS
    assert all(f"{kind}_title" in words("letters", "fr") for kind in letters.KINDS)
    assert all(f"refusal_{reason}" in words("letters", "fr") for reason in subjects.REFUSALS)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_restriction_keeps_nothing_from_the_person_themself(office, tmp_path_factory, language) -> None:
    """Art. 18 forbids using a recording; the right of access of whoever it is about goes on, and the pack says both."""
    restricting = confirmed(office, "restriction")
    redact(office, "subject", "find", restricting, "--only", office.ids[0])
    assert redact(office, "subject", "restrict", restricting, "--reason", "accuracy").code == 0
    assert "restriction" in redact(office, "subject", "find", restricting).text
    assert redact(office, "vault", "open", office.ids[0], "-o", "-", "--reason", "x").code == ExitCode.HELD
    access = confirmed(office, "access", language)
    told, target, phrase = exported(office, access)
    assert told.code == 0, told.text
    with target.open("rb") as file, zipfile.ZipFile(content(packs.opened(file, phrase))) as pack:
        recordings = json.loads(pack.read("information.json"))["recordings"]
        page = pack.read("index.html").decode()
    assert {each["recording_id"]: each["restricted"] for each in recordings} == {
        office.ids[0]: True, office.ids[1]: False,
    }  # fmt: skip
    assert {"en": "restricted", "fr": "est limité"}[language] in page
    text, _ = letter(office, tmp_path_factory, access, "answer")
    assert {"en": "Restricted at present: one recording", "fr": "actuellement limité : un enregistrement"}[
        language
    ] in text.replace("\N{NO-BREAK SPACE}", " ")
    (done,) = [e for e in office.kept.audit.entries() if (e.action, e.outcome) == ("subject.export", "done")]
    assert json.loads(done.counts)["restricted"] == 1
    assert office.kept.marks.has(office.ids[0], "restriction")


def test_what_lifts_nothing_is_no_success(office, tmp_path_factory) -> None:
    first, other = confirmed(office, "restriction"), confirmed(office, "restriction")
    out = str(tmp_path_factory.mktemp("x") / "l")
    none = redact(office, "subject", "restrict", first, "--lift")
    assert none.code == ExitCode.USAGE
    assert "redact consent release" in none.text
    redact(office, "subject", "restrict", first, "--reason", "accuracy")
    redact(office, "subject", "find", other, "--only", office.ids[0])
    redact(office, "subject", "restrict", other, "--reason", "claims")
    refused = redact(office, "subject", "letter", other, "lifted", "-o", out)
    assert refused.code == ExitCode.USAGE  # the first restricts it still
    left = redact(office, "subject", "restrict", other, "--lift")
    assert (left.code, left.first) == (ExitCode.SOME_FAILED, "lifted:")
    assert "lifted: 0 recordings" in left.text
    assert "1 stay restricted" in left.text
    assert redact(office, "subject", "letter", other, "lifted", "-o", out).code == ExitCode.USAGE  # nothing was
    redact(office, "subject", "restrict", other, "--reason", "claims")
    letter(office, tmp_path_factory, first, "lifted")  # before the one is free that no other restricts
    part = redact(office, "subject", "restrict", first, "--lift")
    assert part.code == 0
    assert "lifted: 1 recordings" in part.text
    assert "1 stay restricted" in part.text
    letter(office, tmp_path_factory, first, "lifted")
    assert redact(office, "subject", "restrict", first, "--lift").code == ExitCode.USAGE
    assert "lifted: 1 recordings" in redact(office, "subject", "restrict", other, "--lift").text
    assert office.kept.marks.all("restriction") == ()


def test_outputs_that_are_not_what_their_report_says_are_left_out(shared) -> None:
    office = shared
    access = confirmed(office, "access")
    file = next(path for path in office.outputs_of(office.ids[0]) if path.suffix == ".txt")
    before = file.read_text()
    file.write_text("My name is Nobody")
    told, _, _ = exported(office, access)
    file.write_text(before)
    assert told.code == ExitCode.SOME_FAILED
    assert "left out: damaged" in told.text


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("automated_decisions", {"automated_decisions": ""}),
        ("source", {"source": ""}),
        ("authority.name", {"authority": {"name": "", "contact": "x"}}),
        ("controller.contact", {"controller": {"name": "Halcyon"}}),
        ("activities.call-recording.purposes", {"activities": [{**ORGANISATION["activities"][0], "purposes": []}]}),
        ("activities.call-recording.recipients", {"activities": [{**ORGANISATION["activities"][0], "recipients": []}]}),
        ("activities", {"activities": []}),
    ],
)  # fmt: skip
def test_what_the_law_wants_told_and_is_missing_is_named(shared, key: str, change: dict) -> None:
    office = shared
    access = confirmed(office, "access")
    office.write({**ORGANISATION, **change})
    told, target, _ = exported(office, access)
    office.write(ORGANISATION)
    assert told.code == ExitCode.BAD_POLICY
    assert key in told.text
    assert not target.exists()


def test_what_is_found_and_by_what(office) -> None:
    indexed(office, office.ids[0], ("phone", PHONE), ("name", NAME))
    names = {row.recording_id: row for row in office.world.rows()}
    by_file = {}
    for recording_id in names:
        told = json.loads(b"".join(office.kept.vault.opened(recording_id, "map")))
        by_file[recording_id] = told[0]["source"].rpartition("/")[2].removesuffix(".wav")
    consented(office, by_file[office.ids[2]], REFERENCE)
    case_id = redact(office, "subject", "open", "access", "-", "--language", "en", typed=PERSON).first
    redact(
        office, "subject", "find", case_id, "-", typed=f"référence: {REFERENCE}\nTéléphone: +33 6 39 98 11 77\n{TERMS}"
    )
    found = {match.recording_id: match for match in subjects.request(office.kept, case_id).matches}
    assert found[office.ids[0]].why == ("name", "phone")
    assert found[office.ids[2]].why == ("consent",)
    assert found.keys() == {office.ids[0], office.ids[2]}
    assert redact(office, "subject", "find", case_id, "--not", office.ids[3]).code == ExitCode.USAGE  # no match
    assert redact(office, "subject", "find", case_id, "--id", "call-0123456789abcdef").code == ExitCode.USAGE
    assert redact(office, "subject", "find", case_id, "--id", office.ids[3], "--not", office.ids[0]).code == 0
    choices = {match.recording_id: match.choice for match in subjects.request(office.kept, case_id).matches}
    assert choices == {office.ids[0]: "excluded", office.ids[2]: "confirmed", office.ids[3]: "confirmed"}
    redact(office, "subject", "find", case_id, "-", typed=TERMS)  # what was decided stays
    assert subjects.request(office.kept, case_id).ids("excluded") == (office.ids[0],)


def test_a_letter_about_one_recording_reads_as_one(office, tmp_path_factory) -> None:
    case_id = confirmed(office, "restriction", "fr")
    redact(office, "subject", "find", case_id, "--only", office.ids[0])
    redact(office, "subject", "restrict", case_id, "--reason", "accuracy")
    text, _ = letter(office, tmp_path_factory, case_id, "restriction")
    assert "nous conservons un enregistrement sans en faire aucune utilisation" in text


def test_what_is_found_again_says_what_is_new_and_keeps_how_it_was_found(office) -> None:
    case_id = opened(office, "access")  # by a telephone, and by an address
    first = redact(office, "subject", "find", case_id, "-", typed=f"phone: {PHONE}\n").text
    assert "1 new" in first
    indexed(office, office.ids[0], ("phone", PHONE), ("name", NAME))
    again = redact(office, "subject", "find", case_id, "-", typed=f"name: {NAME}\nemail: {EMAIL}\n").text
    rows = {line.split()[0]: line for line in again.splitlines()[1:]}
    assert "name,phone" in rows[office.ids[0]]
    assert " new " not in rows[office.ids[0]]
    assert " new " in rows[office.ids[1]]
    assert "2 recordings, 1 new" in again
    found = {match.recording_id: match.why for match in subjects.request(office.kept, case_id).matches}
    assert found == {office.ids[0]: ("name", "phone"), office.ids[1]: ("email",)}
    assert " new " not in redact(office, "subject", "find", case_id, "--all").text


def test_a_letter_that_was_written_stands_in_the_case(office, tmp_path_factory) -> None:
    case_id = opened(office, "access", checked=False)
    out = tmp_path_factory.mktemp("x") / "l"
    assert redact(office, "subject", "letter", case_id, "refusal", "-o", str(out)).code == ExitCode.USAGE
    letter(office, tmp_path_factory, case_id, "acknowledgement")
    out.with_suffix(".txt").mkdir()  # in the way of the next
    assert redact(office, "subject", "letter", case_id, "acknowledgement", "-o", str(out)).code != 0
    written = [(event.what, event.detail) for event in office.kept.cases.events(case_id)][1:]
    assert written == [("letter", {"kind": "acknowledgement"})]
    redact(office, "subject", "close", case_id, "--outcome", "refused", "--reason", "unfounded")
    letter(office, tmp_path_factory, case_id, "refusal")  # after its end
    assert [e.detail for e in office.kept.cases.events(case_id) if e.what == "letter"][1:] == [{"kind": "refusal"}]
    assert '"letter"' in redact(office, "subject", "show", case_id).text


def test_nothing_found_is_an_answer_too(shared, tmp_path_factory) -> None:
    office = shared
    case_id = redact(office, "subject", "open", "access", "-", "--language", "fr", typed=PERSON).first
    too_early = redact(office, "subject", "letter", case_id, "answer", "-o", str(tmp_path_factory.mktemp("x") / "l"))
    assert too_early.code == ExitCode.USAGE  # nobody has looked yet
    redact(office, "subject", "find", case_id, "-", typed="name: Nobody Whoknows\n")
    assert "aucun qui vous concerne" in letter(office, tmp_path_factory, case_id, "answer")[0]
    assert redact(office, "subject", "close", case_id, "--outcome", "done").code == 0


@pytest.mark.parametrize(
    ("args", "typed", "code"),
    [
        (("open", "access", "-", "--language", "en"), "", 5),
        (("open", "access", "-", "--language", "en"), f"{NAME}\n", 5),
        (("open", "access", "-", "--language", "en"), f"name: {NAME}\nname: {NAME}\n", 5),
        (("open", "access", "-", "--language", "en"), f"name: {NAME}\nshoe size: {PHONE}\n", 5),
        (("open", "access", "/nowhere", "--language", "en"), "", 5),
        (("identity", "request-1", "checked"), "", 2),
        (("find", "request-1", "--all"), "", 2),
        (("show", "request-1"), "", 2),
    ],
)
def test_what_can_t_be_is_refused_without_a_value(shared, args, typed: str, code: int) -> None:
    office = shared
    before = office.kept.cases.all("request")
    told = redact(office, "subject", *args, typed=typed)
    assert told.code == code
    assert not any(value in told.text for value in TYPED)
    assert office.kept.cases.all("request") == before


def test_what_a_request_is_not_for_is_refused(shared, tmp_path_factory) -> None:
    office = shared
    access, erasure = confirmed(office, "access"), confirmed(office, "erasure")
    target = str(tmp_path_factory.mktemp("x") / "c.json")
    assert redact(office, "subject", "erase", access, "-o", target, "--yes").code == ExitCode.USAGE
    assert exported(office, erasure)[0].code == ExitCode.USAGE
    assert redact(office, "subject", "rectify", access, office.ids[0], "--set-queue", "x").code == ExitCode.USAGE
    breach = office.kept.cases.open("breach", datetime.now(UTC) + timedelta(hours=72), {}).case_id
    assert redact(office, "subject", "show", breach).code == ExitCode.USAGE
    assert redact(office, "subject", "close", erasure, "--outcome", "done", "--told-all").code == ExitCode.USAGE
    assert redact(office, "subject", "close", erasure, "--outcome", "done", "--told", "my aunt").code == ExitCode.USAGE
    assert all(office.outputs_of(recording_id) for recording_id in office.ids)


def test_a_person_who_can_t_be_sealed_leaves_no_open_case(shared) -> None:
    office = shared
    before = office.kept.cases.all("request")
    vault = office.world.root / "vault"
    vault.rename(office.world.root / "elsewhere")
    vault.write_text("a file is in the way")
    told = redact(office, "subject", "open", "access", "-", "--language", "en", typed=PERSON)
    vault.unlink()
    (office.world.root / "elsewhere").rename(vault)
    assert isinstance(told.error, CannotWrite)
    assert [each.state for each in office.kept.cases.all("request") if each not in before] == ["closed"]


def test_nothing_that_was_typed_lies_anywhere_in_clear(office, tmp_path_factory) -> None:
    said = []
    case_id = redact(office, "subject", "open", "access", "-", "--language", "fr", typed=PERSON).first
    indexed(office, office.ids[0], ("phone", PHONE), ("email", EMAIL), ("name", NAME))
    consented(office, "call-1", REFERENCE)
    said.append(redact(office, "subject", "identity", case_id, "checked").text)
    said.append(redact(office, "subject", "find", case_id, "-", "--all", typed=f"{TERMS}reference: {REFERENCE}\n").text)
    done, target, phrase = exported(office, case_id)
    said += [done.text, redact(office, "subject", "show", case_id).text, redact(office, "subject", "list").text]
    letter(office, tmp_path_factory, case_id, "answer")
    said.append(redact(office, "subject", "close", case_id, "--outcome", "done").text)
    office.kept.close()
    there = [path for path in files(office.world.root) if path.name != "organisation.yaml"]
    assert {"governance.db", "records.db", "heads.jsonl", target.name, f"{case_id}.case.sealed"} <= {
        p.name for p in there
    }
    needles = [needle for value in TYPED for needle in ways(value)]
    assert found_in(there, needles) == []
    assert not any(value.casefold() in "".join(said).casefold() for value in TYPED)
    assert phrase.encode() not in b"".join(path.read_bytes() for path in there)
    assert subjects.who(office.kept, case_id).address == (STREET, "Dublin")


def test_a_pack_is_opened_on_the_command_line_or_not_at_all(shared, tmp_path_factory) -> None:
    office = shared
    case_id = confirmed(office, "access")
    _, target, phrase = exported(office, case_id)
    folder = tmp_path_factory.mktemp("opened")
    opening = ("subject", "open-pack", str(target), "-o", str(folder / "pack.zip"))
    assert redact(office, *opening, typed="wrong\n").code == ExitCode.KEY
    assert redact(office, *opening, "--case", "request-1", typed=f"{phrase}\n").code == ExitCode.KEY
    assert list(folder.iterdir()) == []
    assert redact(office, *opening, "--case", case_id, typed=f"{phrase.upper()}\n").code == 0
    assert (folder / "pack.zip").stat().st_mode & 0o777 == 0o600
    assert "index.html" in zipfile.ZipFile(BytesIO((folder / "pack.zip").read_bytes())).namelist()
