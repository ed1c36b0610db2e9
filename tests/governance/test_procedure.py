"""The procedure for requests is made from the organisation's file, and an open request tells what comes next."""

import pytest
from documents_world import Page, organisation, without
from governance_world import run
from subject_world import confirmed, opened

from redact.errors import PolicyError
from redact.governance import procedure, subjects
from redact.governance.words import LANGUAGES, words


def told(**changes):
    return organisation(archives=["/srv/redacted"], **changes)


@pytest.mark.parametrize(("language", "month", "more"), [("en", "1 month", "3 months"), ("fr", "1 mois", "3 mois")])
def test_the_page_says_who_by_when_and_each_step(language, month, more) -> None:
    text = procedure.page(told(requests={"extension_months": 3}), language)
    plain = text.replace("\u202f", " ").replace("\u00a0", " ")
    for said in (month, more, "Maud Ferrant", "CNIL", "/srv/redacted", "redact subject letter"):
        assert said in plain
    lines = [line for section in Page(text).sections.values() for line in section.lines]
    steps = [line[1][0].split()[-1] for line in lines if line[0] and line[0][0].isdigit()]
    assert (steps[:3], len(steps)) == (["open", "identity", "find"], 9)


@pytest.mark.parametrize("path", ["dpo.contact", "controller.name", "authority.name"])
def test_what_is_empty_is_named(path) -> None:
    with pytest.raises(PolicyError, match=path):
        procedure.page(organisation(without(path), archives=["/srv/redacted"]), "en")
    with pytest.raises(PolicyError, match="archives"):
        procedure.page(organisation(), "en")


def test_all_is_said_in_both_languages() -> None:
    assert all(words("procedure", one).keys() == words("procedure", "en").keys() for one in LANGUAGES)


def test_the_next_step_of_a_request(office, tmp_path) -> None:
    case = opened(office, "access", checked=False)

    def following() -> str:
        return procedure.next_step(office.kept, subjects.request(office.kept, case))

    assert following() == "identity"
    run(office, "subject", "identity", case, "checked")
    assert following() == "find"
    run(office, "subject", "find", case, "--id", office.ids[0])
    assert following() == "export"
    assert run(office, "subject", "export", case, "-o", tmp_path / "pack")[0] == 0
    assert following() == "letter, close"
    assert "letter, close" in run(office, "subject", "list")[1]
    other = confirmed(office, "restriction")
    assert procedure.next_step(office.kept, subjects.request(office.kept, other)) == "restrict"
    run(office, "subject", "close", case, "--outcome", "done")
    assert following() in {"", "letter, close"}


def test_the_command_writes_a_page_in_each_language(office, tmp_path) -> None:
    code, said, _ = run(office, "subject", "procedure", "--lang", "en,fr", "-o", tmp_path)
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"procedure.en.html", "procedure.fr.html"}
    assert said.count("procedure.") == 2
