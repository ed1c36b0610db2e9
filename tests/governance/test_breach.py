"""A breach, from the moment it is known to the register: what the law wants is there, or the papers are refused."""

import json
import time
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from breach_world import CLOSING, NOON, TEXTS, later, whole
from governance_world import ORGANISATION, run
from test_canaries_in_stores import found_in, ways

from redact.batch.archive import Archive
from redact.errors import PolicyError, UsageError
from redact.governance import breach, breach_papers, organisation
from redact.governance.breach import Known
from redact.governance.breach_scope import scope
from redact.governance.containment import contain
from redact.governance.given_out import Asked
from redact.governance.notification import notify, register, register_file
from redact.governance.words import words
from redact.stores.opened import Stores

CANARIES = ("Wilhelmina Quastenflosser", "Ödön Canarytéglás")


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    """The zone of this machine, for papers tell times in it."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_deadline_counts_from_when_it_was_known(office, org) -> None:
    case = breach.open_breach(office.kept, org, Known(aware_at=later(-10)), NOON)
    assert case.due_at == "2026-03-13T02:00:00+00:00"
    for hours, is_late in ((61.9, False), (62.1, True)):
        assert breach.is_overdue(case, later(hours)) is is_late
    moved = breach.update(office.kept, org, case.case_id, Known(aware_at=later(-20)), NOON)
    assert moved.due_at == "2026-03-12T16:00:00+00:00"
    office.write({**ORGANISATION, "breach": {"deadline_hours": 96}})
    longer = organisation.load(office.world.root / "organisation.yaml")
    assert breach.open_breach(office.kept, longer, Known(), NOON).due_at == "2026-03-14T12:00:00+00:00"


@pytest.mark.parametrize(
    "known",
    [
        Known(aware_at=later(1)), Known(sent_at=later(1)), Known(persons_told_at=later(1)),
        Known(texts={"nature": "  \n"}), Known(texts={"nature": "x" * 30_000}), Known(authority_ref="Jean Dupont"),
    ],
)  # fmt: skip
def test_what_can_t_be_is_refused(office, org, known) -> None:
    with pytest.raises(UsageError):
        breach.open_breach(office.kept, org, known, NOON)
    assert office.kept.cases.all("breach") == ()


FIELDS = ("natures", "nature", "consequences", "measures", "scope", "risk")


@pytest.mark.parametrize("lacking", FIELDS)
def test_each_field_that_is_missing_is_named_and_nothing_is_written(office, org, tmp_path, lacking) -> None:
    texts = {name: text for name, text in TEXTS.items() if name != lacking}
    known = Known(
        natures=() if lacking == "natures" else ("integrity",), risk=None if lacking == "risk" else "risk", texts=texts
    )
    case = breach.open_breach(office.kept, org, known, NOON).case_id
    if lacking != "scope":
        scope(office.kept, org, case, Asked(whole=True), NOON)
    with pytest.raises(UsageError) as refused:
        notify(office.kept, org, case, tmp_path / "papers", NOON)
    assert refused.value.message.endswith(f": {lacking}")
    assert not (tmp_path / "papers").exists()
    assert office.kept.audit.tail(1)[0].outcome == "refused"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dpo": {}, "controller": {"name": "Halcyon"}}, "organisation.dpo"),
        ({"controller": {"contact": "x@example"}}, "organisation.controller"),
        ({"activities": []}, "organisation.data_subjects, organisation.data_categories"),
        ({"role": "processor"}, "organisation.controllers"),
    ],
)
def test_what_the_organisation_has_not_said_is_named(office, tmp_path, change, named) -> None:
    office.write({**ORGANISATION, **change})
    org = organisation.load(office.world.root / "organisation.yaml")
    case = breach.open_breach(office.kept, org, Known(natures=("integrity",), risk="risk", texts=TEXTS), NOON).case_id
    scope(office.kept, org, case, Asked(ids=frozenset({"call-0"})), NOON)
    with pytest.raises(PolicyError) as refused:
        notify(office.kept, org, case, tmp_path, NOON)
    assert refused.value.message.endswith(f": {named}")


def test_a_late_notification_tells_why(office, org, tmp_path) -> None:
    case = whole(office, org)
    assert breach.missing(org, office.kept.cases.case(case), later(72)) == ()
    with pytest.raises(UsageError, match="delay"):
        notify(office.kept, org, case, tmp_path, later(73))
    with pytest.raises(UsageError, match="delay"):
        notify(office.kept, org, case, tmp_path, later(73), phase=1)
    breach.update(office.kept, org, case, Known(texts={"delay": "The theft was reported late."}), later(73))
    notify(office.kept, org, case, tmp_path, later(73))
    assert "The theft was reported late." in next(tmp_path.glob("*.authority.en.html")).read_text()


def test_phases(office, org, tmp_path) -> None:
    case = breach.open_breach(office.kept, org, Known(natures=("availability",)), NOON).case_id
    for phase in (None, 1):
        with pytest.raises(UsageError):
            notify(office.kept, org, case, tmp_path, NOON, phase)
    breach.update(office.kept, org, case, Known(texts={"pending": "We are still counting."}), NOON)
    with pytest.raises(UsageError, match="next phase is 1"):
        notify(office.kept, org, case, tmp_path, NOON, 2)
    first = notify(office.kept, org, case, tmp_path, NOON, 1)
    assert set(first.missing) == {"nature", "consequences", "measures", "scope", "risk"}
    page = next(tmp_path.glob("*.phase-1.authority.en.html")).read_text()
    assert "We are still counting." in page
    assert "first information" in page
    assert not list(tmp_path.glob("*.people.*"))
    told = breach.update(office.kept, org, case, Known(sent_at=later(1), risk="risk", texts=TEXTS), later(1))
    assert told.fields["sent_at"] == "2026-03-10T13:00:00+00:00"
    scope(office.kept, org, case, Asked(whole=True), later(100))
    assert notify(office.kept, org, case, tmp_path, later(100)).phase == 2  # the first came in time
    assert "complete notification" in next(tmp_path.glob("*.phase-2.authority.en.html")).read_text()
    told = breach.update(office.kept, org, case, Known(sent_at=later(101)), later(101))
    assert told.fields["sent_at"] == "2026-03-10T13:00:00+00:00"
    assert [phase["sent_at"][11:16] for phase in told.fields["phases"]] == ["13:00", "17:00"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("A laptop was stolen.", "lawful basis", "12:00 UTC", "loss of confidentiality", "guests who call")),
        ("fr", ("Un portable a été volé.", "base légale", "10 mars 2026 à 12 h 00 (UTC)", "perte de confidentialité")),
    ],
)
def test_the_papers_say_all_of_it_in_both_languages(office, org, tmp_path, language, said) -> None:
    french = {"nature": "Un portable a été volé.", "consequences": "Des appels.", "measures": "Disque effacé."}
    case = whole(office, org)
    breach.update(office.kept, org, case, Known(texts=french, language="fr"), NOON)
    told = notify(office.kept, org, case, tmp_path, NOON)
    assert told.people == "required"
    assert told.one_language == ()
    form = next(tmp_path.glob(f"*.authority.{language}.html")).read_text()
    for each in (*said, "Maud Ferrant", "dpo@halcyon.example", "Halcyon Hotels", "CNIL"):
        assert each in form
    letter = next(tmp_path.glob(f"*.people.{language}.html")).read_text()
    texts = french if language == "fr" else TEXTS
    for each in (*texts.values(), "Maud Ferrant", "dpo@halcyon.example", "payment details"):
        assert each in letter
    told = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert told["texts"]["nature"] == {"en": TEXTS["nature"], "fr": french["nature"]}
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.glob("*.html"))
    # Each text that has one language only is told.
    breach.update(office.kept, org, case, Known(texts={"people": "Change your passwords."}), NOON)
    again = notify(office.kept, org, case, tmp_path / "again", NOON)
    assert again.one_language == ("people (fr)",)
    assert "Change your passwords." in next((tmp_path / "again").glob(f"*.people.{language}.html")).read_text()


@pytest.mark.parametrize(
    ("risk", "exemption", "copy", "word", "paragraph", "title"),
    [
        ("high", None, "clear", "required", "", "A breach that concerns your personal data"),
        ("high", None, "redacted", "required", "", "A breach that concerns your personal data"),
        ("high", None, "sealed", "unintelligible", "34(3)(a)", ""),
        ("high", "risk_removed", "clear", "risk_removed", "34(3)(b)", ""),
        ("high", "disproportionate", "clear", "disproportionate", "34(3)(c)", "Public notice"),
        ("risk", None, "clear", "low_risk", "34(1)", ""),
    ],
)
def test_whether_people_are_told_and_why_not(
    office, org, tmp_path, risk, exemption, copy, word, paragraph, title
) -> None:
    known = Known(natures=("confidentiality",), risk=risk, exemption=exemption, texts=TEXTS)
    case = breach.open_breach(office.kept, org, known, NOON).case_id
    scope(office.kept, org, case, Asked(whole=True, copy=copy), NOON)
    assert notify(office.kept, org, case, tmp_path, NOON).people == word
    assert paragraph in next(tmp_path.glob("*.authority.en.html")).read_text()
    letters = list(tmp_path.glob("*.people.en.html"))
    assert bool(letters) is bool(title)
    assert all(title in letter.read_text() for letter in letters)


@pytest.mark.parametrize("risk", ["unlikely", "high"])
def test_a_processor_tells_its_controllers_and_nobody_else_whatever_the_risk(office, tmp_path, risk) -> None:
    controllers = [{"name": "Alder Bank", "address": "Lyon", "queues": ["loans"]}, {"name": "Birch Mutual"}]
    office.write({**ORGANISATION, "role": "processor", "controllers": controllers})
    org = organisation.load(office.world.root / "organisation.yaml")
    office.kept.ledger.archive(Archive(office.archives[0]).url).described(office.ids[0], {"queue": "loans"})
    case = whole(office, org, risk=risk)
    notify(office.kept, org, case, tmp_path, NOON)
    assert not [*tmp_path.glob("*.authority.*"), *tmp_path.glob("*.people.*")]
    first, second = (next(tmp_path.glob(f"*.controller-{each}.fr.html")).read_text() for each in (1, 2))
    told = words("breach", "fr")
    assert "Alder Bank" in first
    assert "sous-traitant" in second
    for notice in (first, second):
        assert ORGANISATION["dpo"]["contact"] in notice
        assert told["due_at"] not in notice
        assert told["people"] not in notice
    assert f"<td>{told['records']}</td><td>1</td>" in first
    assert (told["own_share"] in first, told["own_unknown"] in first) == (True, False)
    assert f"<td>{told['records']}</td><td>{told['not_known']}</td>" in second
    assert told["own_unknown"] in second


def test_a_processors_only_controller_is_told_all_of_it(office, tmp_path) -> None:
    office.write({**ORGANISATION, "role": "processor", "controllers": [{"name": "Alder Bank"}]})
    org = organisation.load(office.world.root / "organisation.yaml")
    case = whole(office, org)
    notify(office.kept, org, case, tmp_path, NOON)
    told = words("breach", "en")
    notice = next(tmp_path.glob("*.controller-1.en.html")).read_text()
    assert f"<td>{told['records']}</td><td>4</td>" in notice
    closing = Known(texts={**CLOSING, "not_notified": "Its controllers were."})
    assert breach.close(office.kept, org, case, closing, later(1)).state == "closed"


def test_nobody_is_told_where_a_risk_is_unlikely_and_the_register_says_why(office, org, tmp_path) -> None:
    case = whole(office, org, risk="unlikely")
    with pytest.raises(UsageError, match="nobody has to be told"):
        notify(office.kept, org, case, tmp_path, NOON)
    assert not breach.is_overdue(office.kept.cases.case(case), later(200))
    with pytest.raises(UsageError, match="not_notified"):
        breach.close(office.kept, org, case, Known(texts=CLOSING), later(1))
    breach.close(office.kept, org, case, Known(texts={"not_notified": "=The disk was encrypted."}), later(1))
    rows = register(office.kept, "en")
    assert [(row["state"], row["facts"]) for row in rows] == [("closed", "A theft.")]
    assert json.loads(register_file(rows, ".json", "en"))["breaches"] == rows
    assert "'=The disk was encrypted." in register_file(rows, ".csv", "en")
    assert "Motif de l’absence de notification" in register_file(rows, ".html", "fr")
    with pytest.raises(UsageError):
        register_file(rows, ".pdf", "en")


@pytest.mark.parametrize("lacking", ["facts", "effects", "remedy", "risk", "sent_at or not_notified"])
def test_a_breach_is_not_closed_without_what_documents_it(office, org, lacking) -> None:
    texts = {name: text for name, text in CLOSING.items() if name != lacking}
    told = None if lacking.startswith("sent_at") else NOON
    known = Known(risk=None if lacking == "risk" else "risk", texts=texts, sent_at=told)
    case = breach.open_breach(office.kept, org, known, NOON).case_id
    with pytest.raises(UsageError) as refused:
        breach.close(office.kept, org, case, Known(), later(1))
    assert refused.value.message.endswith(f": {lacking}")
    assert office.kept.cases.case(case).state == "open"


def test_what_is_closed_stays_as_it_is(office, org, tmp_path) -> None:
    case = whole(office, org)
    breach.close(office.kept, org, case, Known(texts=CLOSING, sent_at=NOON, exemption="risk_removed"), later(1))
    for way in (
        lambda: breach.update(office.kept, org, case, Known(risk="risk", sent_at=NOON), later(2)),
        lambda: breach.update(office.kept, org, case, Known(texts=CLOSING), later(2)),
        lambda: breach.close(office.kept, org, case, Known(persons_told_at=NOON), later(2)),
        lambda: breach.update(office.kept, org, case, Known(risk="risk"), later(2)),
        lambda: scope(office.kept, org, case, Asked(whole=True), later(2)),
        lambda: contain(office.kept, case),
        lambda: notify(office.kept, org, case, tmp_path, later(2)),
        lambda: breach.close(office.kept, org, case, Known(), later(2)),
    ):
        with pytest.raises(UsageError, match="closed"):
            way()


@pytest.mark.parametrize(
    ("told", "copy", "is_closed", "people", "said"),
    [
        ({}, "clear", False, "required", "Non renseignée"),
        ({"persons_told_at": later(1)}, "clear", True, "told", "10 mars 2026 à 13 h 00"),
        ({"exemption": "risk_removed"}, "clear", True, "risk_removed", "34, par. 3, b)"),
        ({"exemption": "disproportionate"}, "clear", True, "disproportionate", "34, par. 3, c)"),
        ({}, "sealed", True, "unintelligible", "34, par. 3, a)"),
        ({"risk": "risk"}, "clear", True, "low_risk", "34, par. 1)"),
    ],
)
def test_people_are_told_of_a_high_risk_before_it_is_closed(office, org, told, copy, is_closed, people, said) -> None:
    case = whole(office, org)
    scope(office.kept, org, case, Asked(whole=True, copy=copy), NOON)
    known = Known(texts=CLOSING, sent_at=NOON, **told)
    if is_closed:
        breach.close(office.kept, org, case, known, later(2))
    else:
        with pytest.raises(UsageError, match="persons_told_at or an exemption"):
            breach.close(office.kept, org, case, known, later(2))
    (row,) = register(office.kept, "fr")
    assert row["people"] == people
    page = register_file([row], ".html", "fr")
    assert page.count("Information des personnes") == 1
    assert said in page


def test_who_was_told_is_noted_of_a_closed_breach_too(office, org) -> None:
    case = whole(office, org, risk="risk")
    breach.close(office.kept, org, case, Known(texts={**CLOSING, "not_notified": "None."}), later(1))
    at = ("2026-03-10T14:00:00+01:00", "2026-03-10T15:00:00+01:00")
    assert run(office, "breach", "update", case, "--people-told-at", at[0])[0] == 0
    assert run(office, "breach", "update", case, "--sent-at", at[1], "--authority-ref", "N-1")[0] == 0
    assert run(office, "breach", "update", case, "--risk", "high")[0] == 2
    kept = office.kept.cases.case(case)
    assert kept.state == "closed"
    assert (kept.fields["persons_told_at"], kept.fields["sent_at"]) == (
        "2026-03-10T13:00:00+00:00", "2026-03-10T14:00:00+00:00",
    )  # fmt: skip
    late = [event.detail["fields"] for event in office.kept.cases.events(case) if event.what == "noted_late"]
    assert late == [["persons_told_at"], ["authority_ref", "phases", "sent_at"]]


@pytest.mark.parametrize("which", ["en", "fr"])
def test_each_paper_has_the_organisation_s_words_of_its_language(office, tmp_path, which) -> None:
    file = office.world.root / "organisation.yaml"
    case = whole(office, organisation.load(file), texts={**TEXTS, "delay": "It took a while."})
    code, told, _ = run(office, "breach", "notify", case, "-o", tmp_path / "a")
    assert (code, "measures (fr), delay (fr), organisation.fr.yaml" in told) == (0, True)
    words_of = {
        "controller": {"name": "Elsewhere"},
        "activities": [{"id": "call-recording", "data_categories": ["paroles"], "data_subjects": ["clients"]}],
    }
    file.with_name(f"organisation.{which}.yaml").write_text(json.dumps(words_of))
    code, told, _ = run(office, "breach", "notify", case, "-o", tmp_path / "b")
    assert (code, "organisation" in told.partition("not written")[2]) == (0, False)
    for language in ("en", "fr"):
        papers = {name: next((tmp_path / "b").glob(f"*.{name}.{language}.html")) for name in ("authority", "people")}
        for paper in papers.values():
            assert ("paroles" in paper.read_text(), "Elsewhere" in paper.read_text()) == ((language == which,) * 2)
        assert ("clients" in papers["authority"].read_text()) is (language == which)


def test_a_letter_begins_and_ends_as_letters_do_and_a_notice_does_not(office, org, tmp_path) -> None:
    case = whole(office, org)
    notify(office.kept, org, case, tmp_path / "letter", NOON)
    notice = breach.update(office.kept, org, case, Known(exemption="disproportionate"), NOON)
    notify(office.kept, org, notice.case_id, tmp_path / "notice", NOON)
    for language, first, title, spoken in (
        ("en", "We are writing to you", "Public notice", ("10 March 2026", "Dear Sir or Madam,", "Yours faithfully,")),
        ("fr", "Nous vous écrivons", "Information publique",
         ("10 mars 2026", "Madame, Monsieur,", "salutations distinguées")),
    ):  # fmt: skip
        letter, public = (
            next((tmp_path / name).glob(f"*.people.{language}.html")).read_text() for name in ("letter", "notice")
        )
        assert all(said in letter for said in (first, *spoken))
        assert title in public
        assert f"<p>{spoken[0]}</p>" in public
        assert not any(said in public for said in (first, *spoken[1:]))


def test_the_form_says_what_is_not_known_when_it_was_and_which_phase_it_is(office, org, tmp_path) -> None:
    case = whole(office, org, began_at=later(-30))
    notify(office.kept, org, case, tmp_path, NOON)
    form = next(tmp_path.glob("*.authority.fr.html")).read_text()
    assert "<p>Notification complète</p>" in form
    assert "<td>Agents ayant traité ces appels</td><td>inconnu</td>" in form
    assert "<td>Début de la violation</td><td>9 mars 2026 à 6 h 00 (UTC)</td>" in form
    assert "Fin de la violation" not in form
    with pytest.raises(UsageError, match="before it began"):
        breach.update(office.kept, org, case, Known(ended_at=later(-31)), NOON)
    assert run(office, "breach", "update", case, "--ended-at", "2026-03-10T09:00:00+00:00")[0] == 0
    (row,) = register(office.kept, "en")
    assert (row["began_at"], row["ended_at"]) == ("2026-03-09T06:00:00+00:00", "2026-03-10T09:00:00+00:00")


def test_a_request_is_no_breach(office, org) -> None:
    request = office.kept.cases.open("request", later(100), {}, NOON).case_id
    with pytest.raises(UsageError, match="no breach"):
        breach.update(office.kept, org, request, Known(risk="risk"), NOON)


def test_texts_are_found_nowhere_in_clear(office, org, tmp_path) -> None:
    """Not in a database, a log or a name; in the papers alone, which their owner alone may read."""
    texts = {"nature": f"{CANARIES[0]} lost it.", "consequences": CANARIES[1], "measures": CANARIES[0]}
    case = whole(office, org, texts=texts)
    breach.update(office.kept, org, case, Known(texts={"facts": CANARIES[1]}, language="fr"), NOON)
    notify(office.kept, org, case, tmp_path / "papers", NOON)
    contain(office.kept, case, ids=tmp_path / "ids.txt")
    office.kept.close()
    needles = [needle for person in CANARIES for needle in ways(person)]
    papers = set((tmp_path / "papers").iterdir())
    assert found_in(papers, [CANARIES[0].encode()])
    everything = {path for path in (*tmp_path.rglob("*"), *office.world.root.rglob("*")) if path.is_file()} - papers
    assert {"governance.db", "records.db", "ids.txt", f"{case}.case.sealed"} <= {path.name for path in everything}
    assert found_in(everything, needles) == []
    kept = Stores(office.world.settings())
    assert breach.sealed(kept, kept.cases.case(case)).texts["consequences"] == {"en": CANARIES[1]}
    shown = repr([kept.cases.case(case), *kept.cases.events(case), breach.sealed(kept, kept.cases.case(case))])
    assert not any(person in shown for person in CANARIES)
    kept.close()


def test_a_text_comes_from_standard_input(office) -> None:
    code, told, _ = run(office, "breach", "open", "--risk", "risk", "--text", "nature", "-", stdin=CANARIES[0])
    assert code == 0
    case = told.partition(":")[0]
    code, told, _ = run(office, "breach", "list", "--json")
    assert json.loads(told)[0]["fields"]["texts"] == {"nature": ["en"]}
    assert CANARIES[0] not in told
    code, told, _ = run(office, "breach", "update", case, "--text", "nature", "-", "--text", "facts", "-", stdin="x")
    assert code == 2
    assert run(office, "breach", "update", case)[0] == 2


def test_the_list_of_what_is_overdue_exits_with_1(office, org) -> None:
    assert run(office, "breach", "list", "--overdue")[0] == 0
    case = breach.open_breach(office.kept, org, Known(aware_at=NOON), NOON).case_id
    code, told, _ = run(office, "breach", "list", "--overdue")
    assert (code, case in told) == (1, True)
    assert run(office, "breach", "update", case, "--sent-at", "2026-03-10T13:00:00+00:00")[0] == 0
    assert run(office, "breach", "list", "--overdue")[0] == 0


@pytest.mark.parametrize(
    ("zone", "due", "told"),
    [("UTC", "2026-03-13 12:00+00:00", "2026-03-10 13:00+00:00"),
     ("Europe/Paris", "2026-03-13 13:00+01:00", "2026-03-10 14:00+01:00"),
     ("America/New_York", "2026-03-13 08:00-04:00", "2026-03-10 09:00-04:00")],
)  # fmt: skip
def test_people_read_times_of_their_clock_and_machines_in_utc(
    office, org, tmp_path, monkeypatch, zone, due, told
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    case = breach.open_breach(office.kept, org, Known(aware_at=NOON, sent_at=later(1)), later(2)).case_id
    (line,) = [line for line in run(office, "breach", "list")[1].splitlines() if case in line]
    assert due in line
    assert told in line
    (listed,) = json.loads(run(office, "breach", "list", "--json")[1])
    assert (listed["due_at"], listed["fields"]["sent_at"]) == ("2026-03-13T12:00:00+00:00", "2026-03-10T13:00:00+00:00")
    for ending in (".csv", ".json"):
        file = tmp_path / f"register{ending}"
        assert run(office, "breach", "register", "-o", file)[0] == 0
        assert "2026-03-13T12:00:00+00:00" in file.read_text()
    opened = run(office, "breach", "open", "--aware-at", "2026-03-10T12:00:00+00:00")[1]
    assert opened.endswith(f": tell the authority until {due}\n")


def test_every_word_that_papers_use_is_there_in_both_languages() -> None:
    for language in ("en", "fr"):
        said = words("breach", language)
        for name in (*breach.NATURES, *breach.TEXTS, "scope", "partial", "complete"):
            assert said[name]
        assert all(said[f"risk_{risk}"] for risk in get_args(breach.Risk))
        for word in ("required", "unknown", "unintelligible", "low_risk", *get_args(breach.Exemption)):
            assert said[f"people_{word}"]
        assert len(words("terms", language)["month_names"].split()) == 12
    assert breach_papers.moment("2026-12-01T09:05:00+00:00", "fr") == "1er décembre 2026 à 9 h 05 (UTC)"
    paris = ZoneInfo("Europe/Paris")
    assert breach_papers.moment("2026-07-01T09:05:00+00:00", "fr", paris) == "1er juillet 2026 à 11 h 05 (UTC+02:00)"
    assert breach_papers.moment("2026-12-31T23:05:00+00:00", "en", paris) == "1 January 2027, 00:05 UTC+01:00"
    assert breach_papers.moment("2026-12-01T09:05:00+00:00", "en") == "1 December 2026, 09:05 UTC"
