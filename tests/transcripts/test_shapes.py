"""What shapes, drafts and rewriting do whatever the format, where no golden file shows it."""

import pytest

from redact.errors import InputRejected
from redact.findings import Finding, Label
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Named, Node, Time
from redact.transcripts.rewrite import rewritten

SPAN = {"start": Time("start", "ms"), "end": Time("end", "ms")}
WORD = {**SPAN, "text": Kind.WORD}
SHAPE = {
    "words": [WORD],
    "again": [WORD],
    "made": Kind.MOMENT,
    "sure": Kind.CONFIDENCE,
    "translated": Named(Kind.PROSE, languages=True),
    "labels": Named(Kind.NUMBER),
    "note": Kind.PROSE,
    "list": [Kind.NUMBER],
    "french": Kind.TRANSLATED,
    "extracts": [{"text": Kind.TEXT, "timestamp": SPAN}],
}


def read(document, *extra):
    draft = Draft(Node(document, SHAPE))
    for word in draft.root.at("words").each():
        draft.word(word)
    for word in draft.root.at("again").each():
        draft.copy(word)
    return draft.root, draft.build("test")


def written(document, *labels):
    return rewritten(*read(document), labels)


def masked(first, last, start_ms=None, end_ms=None):
    return Label(first, last, "PERSON", "[PERSON_1]", "", start_ms, end_ms)


@pytest.mark.parametrize("key", ["note", "translated", "labels", "list", "nobody_knows"])
@pytest.mark.parametrize("name", ["Desmond Halloway", "07700 900142", "07700900142"])
def test_a_key_that_no_shape_names_and_that_looks_like_no_code_goes(key: str, name: str) -> None:
    document, dropped = written({"words": [], key: {name: 1, "fr": 2}, name: 3})
    assert name not in str(document)
    assert dropped


def test_keys_that_are_languages_are_no_names() -> None:
    texts = {"fr": "oui", "pt-BR": "sim", "zh_Hans": "x", "Desmond": "y", "halloway": "z"}
    assert written({"translated": texts})[0] == {"translated": {"fr": "oui", "pt-BR": "sim", "zh_Hans": "x"}}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-03-12T15:02:06.853Z", True),
        ("2026-03-12 15:02:06+01:00", True),
        ("2026-03-12", False),  # may be a birthday
        ("2026-03-12T15:02:06 Desmond", False),
        (None, True),
    ],
)
def test_a_moment_is_kept_if_it_is_one(value: str | None, kept: bool) -> None:
    assert written({"made": value})[0] == {"made": value if kept else "[REDACTED]"}


@pytest.mark.parametrize(("value", "kept"), [(0.98, True), ("0.98", True), (87, True), (447700900142, False)])
def test_nobody_is_as_sure_as_a_telephone_number(value: float | str, kept: bool) -> None:
    assert written({"sure": value})[0] == ({"sure": value} if kept else {})


def test_words_without_times_are_copied_in_their_order() -> None:
    """The second `hope` is a name: its copy is masked, and the first one's isn't."""
    words = [{"text": text} for text in ("I", "hope", "it", "is", "Hope")]
    document, _ = written({"words": words, "again": [dict(word) for word in words]}, masked(4, 4))
    assert [word["text"] for word in document["again"]] == ["I", "hope", "it", "is", "[PERSON_1]"]


def test_a_copy_too_many_goes() -> None:
    document, dropped = written({"words": [{"text": "Hope"}], "again": [{"text": "Hope"}, {"text": "Hope"}]})
    assert document["again"] == [{"text": "Hope"}]
    assert dropped == {"again": 1}


def timed(text):
    return [{"text": t, "start": n * 1000 + 30, "end": n * 1000 + 970} for n, t in enumerate(text.split())]


def test_an_extract_of_what_was_said_is_not_searched_once_more_and_its_times_find_the_words() -> None:
    """Both say `Hope`; the times in an object beside the text tell which of them."""
    extracts = [
        {"text": "Hope is", "timestamp": {"start": 5030, "end": 6970}},
        {"text": "Hope so", "timestamp": {"start": 1030, "end": 2970}},
    ]
    document = {"words": timed("I Hope so Mrs now Hope is"), "extracts": extracts}
    assert [turn.text for turn in read(document)[1].transcript.turns if turn.aside] == []
    told, _ = written(document, masked(5, 5, 5000, 6000))
    assert [extract["text"] for extract in told["extracts"]] == ["[PERSON_1] is", "Hope so"]
    # The times of a masked word are told nowhere; those of what is kept are as they were.
    assert [extract["timestamp"] for extract in told["extracts"]] == [
        {"start": 5000, "end": 6970},
        {"start": 1030, "end": 2970},
    ]


def test_an_extract_without_times_is_masked_where_it_is_masked_anywhere() -> None:
    document = {"words": timed("I hope so Mrs . Hope is here"), "extracts": [{"text": "Hope"}, {"text": "Mrs Hope"}]}
    assert [turn.text for turn in read(document)[1].transcript.turns if turn.aside] == []
    told, _ = written(document, masked(5, 5))
    assert [extract["text"] for extract in told["extracts"]] == ["[PERSON_1]", "Mrs [PERSON_1]"]


def test_a_translation_is_hidden_where_the_words_are_but_tells_nothing_about_them() -> None:
    """A name that is spelled otherwise there goes with the words it may stand for; these are too many to be masked."""
    document = {"words": timed("He is Mister Halloway now"), "french": "He is Холлоуэй now"}
    told, _ = written(document, masked(3, 3))
    assert told["french"] == "He is [PERSON_1] now"
    root, call = read(document)
    aside = next(indices for turn, indices in call.transcript.turn_ranges() if turn.aside)
    found = Finding("PERSON", (aside[2],), 1.0, "model", "transcribed")
    assert call.projected([found]) == (found,)
    masked_there = rewritten(root, call, [masked(aside[2], aside[2])])[0]
    assert masked_there["french"] == told["french"]
    assert masked_there["words"] == document["words"]


def test_words_that_were_not_said_together_are_searched_as_they_stand() -> None:
    _, call = read({"words": timed("Hope is in the Street"), "extracts": [{"text": "Hope Street"}]})
    assert [turn.text for turn in call.transcript.turns if turn.aside] == ["Hope Street"]


def test_a_cue_is_shown_as_long_as_before_whatever_is_masked_in_it() -> None:
    shape = {
        "cues": [{"at": Time("start", "ms", shown=True), "until": Time("end", "ms", shown=True), "text": Kind.TEXT}]
    }
    document = {
        "cues": [{"at": 110, "until": 190, "text": "four five"}, {"at": 210, "until": 290, "text": "three yes"}]
    }
    draft = Draft(Node(document, shape))
    for cue in draft.root.at("cues").each():
        draft.said(cue.at("text"), cue.times())
    result, _ = rewritten(draft.root, draft.build("test"), [masked(0, 2, 100, 400)])
    assert result == {
        "cues": [{"at": 110, "until": 190, "text": "[PERSON_1]"}, {"at": 210, "until": 290, "text": "[PERSON_1] yes"}]
    }


def test_a_label_tells_the_one_time_that_is_known_of_it() -> None:
    document = {"words": [{"start": 110, "text": "Desmond"}, {"start": 250, "text": "said"}]}
    result, _ = written(document, masked(0, 0, 100, None))
    assert result == {"words": [{"start": 100, "text": "[PERSON_1]"}, {"start": 250, "text": "said"}]}


def test_turns_of_each_call_are_in_their_own_order() -> None:
    document = {"words": [{"start": start, "text": text} for start, text in ((5, "b"), (9, "y"), (3, "a"), (1, "x"))]}
    draft = Draft(Node(document, SHAPE))
    for name, word in zip(("one", "two", "one", "two"), draft.root.at("words").each(), strict=True):
        draft.call(name)
        draft.turn()
        draft.word(word)
    assert [turn.text for turn in draft.build("test").transcript.turns] == ["a", "b", "x", "y"]


@pytest.mark.parametrize("value", ["1e999999", "-1e-999999", "9" * 5_000])
def test_a_number_that_nobody_can_reckon_with_is_none(value: str) -> None:
    with pytest.raises(InputRejected, match="is not a time"):
        read({"words": [{"start": value, "text": "x"}]})


def test_half_characters_of_a_word_are_whole() -> None:
    _, made = read({"words": [{"text": "a\ud83d"}], "note": "b\ud83d"})
    assert [word.text for word in made.transcript.words] == ["a\ufffd", "b\ufffd"]
