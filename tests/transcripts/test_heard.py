"""A text whose words get their times from a list of others: as one writes them, and as they were said."""

import pytest

from redact.findings import Finding, Label
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Named, Node, Time
from redact.transcripts.rewrite import rewritten

SPAN = {"start": Time("start", "ms"), "length": Time("duration", "ms")}
HEARD = {**SPAN, "word": Kind.WORD, "sure": Kind.CONFIDENCE}
SHAPE = {**SPAN, "text": Kind.TEXT, "shown": [HEARD], "heard": [HEARD]}


def heard(text: str, start: int = 0, step: int = 100):
    """One word each 100 ms, without pauses."""
    return [{"start": start + i * step, "length": step, "word": word} for i, word in enumerate(text.split())]


def read(text: str, words, **more):
    draft = Draft(Node({"text": text, "heard": words, **more}, SHAPE))
    root = draft.root
    draft.said(root.at("text"), root.times(), root.at("shown"), root.at("heard"))
    return root, draft.build("test")


def times(call):
    return [(w.text, w.start_ms, w.end_ms) for turn in call.transcript.turns if not turn.aside for w in turn.words]


def written(text: str, words, *labels, **more):
    return rewritten(*read(text, words, **more), labels)[0]


def masked(first, last, start_ms=None, end_ms=None):
    return Label(first, last, "PERSON", "[PERSON_1]", "", start_ms, end_ms)


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("It's fine.", "it's fine", [("It's", 0, 100), ("fine.", 100, 200)]),
        ("Room 45, please", "room forty five please", [("Room", 0, 100), ("45,", 100, 300), ("please", 300, 400)]),
        ("Good bye", "goodbye", [("Good", 0, 100), ("bye", 0, 100)]),
        ("4539 1488", "four five three nine one four eight eight", [("4539", 0, 800), ("1488", 0, 800)]),
        ("Oh **** it", "oh damn it", [("Oh", 0, 100), ("****", 100, 200), ("it", 200, 300)]),
        ("Oui , merci", "oui merci", [("Oui", 0, 100), (",", None, None), ("merci", 100, 200)]),
        ("Jo Lee", "jo jo lee", [("Jo", 0, 200), ("Lee", 100, 300)]),
        ("is Jo", "is d- jo", [("is", 0, 200), ("Jo", 100, 300)]),
        ("Hello there", "", [("Hello", None, None), ("there", None, None)]),
        ("", "lost", []),
    ],
)
def test_a_word_has_the_outer_times_of_those_that_it_stands_for(text: str, words: str, told: list) -> None:
    assert times(read(text, heard(words))[1]) == told


def test_a_turn_s_times_are_those_of_its_outer_words_where_no_list_tells() -> None:
    assert times(read("one two three", None, start=50, length=1000)[1]) == [
        ("one", 50, None), ("two", None, None), ("three", None, 1050),
    ]  # fmt: skip


def test_the_first_list_with_anything_in_it_tells_times_and_confidence() -> None:
    shown = [{"start": 5, "length": 40, "word": "45", "sure": 0.4}]
    _, call = read("45", heard("forty five"), shown=shown)
    assert times(call) == [("45", 5, 45)]
    assert call.transcript.words[0].confidence == 0.4
    assert times(read("45", heard("forty five"), shown=[])[1]) == [("45", 0, 200)]


def test_the_least_sure_word_tells_how_sure_the_engine_is() -> None:
    words = heard("forty five")
    words[0]["sure"], words[1]["sure"] = 0.9, 0.3
    assert read("45", words)[1].transcript.words[0].confidence == 0.3


def test_what_is_masked_in_the_text_is_masked_in_all_lists() -> None:
    shown = heard("It's 45 now")
    result = written("It's 45 now", heard("it's forty five now"), masked(1, 1, 0, 400), shown=shown)
    assert result["text"] == "It's [PERSON_1] now"
    assert [word["word"] for word in result["shown"]] == ["It's", "[PERSON_1]", "now"]
    assert [word["word"] for word in result["heard"]] == ["it's", "[PERSON_1]", "now"]
    assert (result["heard"][1]["start"], result["heard"][1]["length"]) == (0, 400)


def test_one_masked_word_masks_all_that_may_say_it() -> None:
    """Which of the number words are "1488" isn't known."""
    result = written("4539 1488", heard("four five three nine one four eight eight"), masked(1, 1, 0, 800))
    assert result["text"] == "4539 [PERSON_1]"
    assert [word["word"] for word in result["heard"]] == ["[PERSON_1]"]


def test_a_word_that_the_text_leaves_out_goes_with_those_beside_it() -> None:
    result = written("is Jo here", heard("is joanna jo here"), masked(1, 1, 100, 300))
    assert [word["word"] for word in result["heard"]] == ["is", "[PERSON_1]", "here"]


def test_what_a_list_says_in_other_letters_is_looked_at_and_told_where_it_was_said() -> None:
    root, call = read("ask for **** please", heard("ask for desmond halloway please"))
    aside = next(turn for turn in call.transcript.turns if turn.aside)
    assert aside.text == "desmond halloway"
    found = Finding("PERSON", (4, 5), 1.0, "test", "transcribed")
    assert [each.words for each in call.projected([found])] == [(4, 5), (2,)]
    result, _ = rewritten(root, call, [masked(4, 5)])
    assert [word["word"] for word in result["heard"]] == ["ask", "for", "[PERSON_1]", "please"]
    assert (result["heard"][2]["start"], result["heard"][2]["length"]) == (200, 200)


def test_what_a_list_says_alike_is_not_looked_at_twice() -> None:
    assert not any(turn.aside for turn in read("It's fine, goodbye.", heard("it's fine good bye"))[1].transcript.turns)


def test_a_list_that_nobody_read_goes() -> None:
    draft = Draft(Node({"text": "Hi", "heard": heard("desmond")}, SHAPE))
    draft.said(draft.root.at("text"))
    assert rewritten(draft.root, draft.build("test"), ())[0]["heard"] == []


def test_a_word_in_another_form_alone_is_a_word_too() -> None:
    shape = {"words": [{"word": Kind.FORM}]}
    draft = Draft(Node({"words": [{"word": "desmond"}]}, shape))
    assert rewritten(draft.root, draft.build("test"), ())[0] == {"words": []}


def test_the_same_text_about_the_same_words_is_looked_at_once() -> None:
    draft = Draft(Node({"notes": ["Jo called", "Jo  called", "Jo calls"]}, {"notes": [Kind.PROSE]}))
    call = draft.build("test")
    assert [turn.text for turn in call.transcript.turns] == ["Jo called", "Jo calls"]
    notes = rewritten(draft.root, call, [masked(0, 0)])[0]["notes"]
    assert notes == ["[PERSON_1] called", "[PERSON_1]  called", "Jo calls"]


def test_keys_that_may_say_anything_are_numbered_and_uuids_stay() -> None:
    shape = {"files": Named({"n": Kind.NUMBER}, hidden=True), "models": Named(Kind.NUMBER)}
    uuid = "9b0c7f1e-53d2-4a6e-9d1c-2f7e8a4b6c01"
    document = {"files": {"Desmond_Halloway": {"n": 1}, "07700900142": {"n": 2}}, "models": {uuid: 1, "07700900142": 2}}
    draft = Draft(Node(document, shape))
    assert rewritten(draft.root, draft.build("test"), ())[0] == {
        "files": {"[REDACTED] 1": {"n": 1}, "[REDACTED] 2": {"n": 2}},
        "models": {uuid: 1},
    }
