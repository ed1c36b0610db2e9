"""The redacted transcript: labels, numbers, times."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Doubt, Stretch, Transcript, Turn, Word
from redact.findings import Plan, Replacement
from redact.policy import load
from redact.text import Labeller, plain_value
from redact.text import redact as applied


def redact(transcript, plan, style, grid_ms=1):
    default = load("default")
    policy = default.changed(label_style=style, padding={**default.padding.model_dump(), "grid_ms": grid_ms})
    return applied(transcript, Labeller(policy).labels(transcript, plan))


def timed(*texts, channel=0, start=0):
    return tuple(Word(t, start + i * 500, start + i * 500 + 400, channel, 0.9) for i, t in enumerate(texts))


CALL = Transcript(
    (
        Turn("agent", 0, timed("Hello,", "Desmond", "Halloway.")),
        Turn("customer", 1, timed("It's", "halloway,", "not", "Holloway!", channel=1, start=2000)),
    ),
    "en",
    "test",
    0.7,
    (Doubt("repetition_loop", Stretch(0, 0, 10)),),
)


def masked(*runs):
    return Plan((), tuple(Replacement(a, b, kind, f"[{kind}]") for a, b, kind in runs))


@pytest.mark.parametrize(
    ("style", "texts"),
    [
        ("type", ["Hello, [PERSON].", "It's [PERSON], not [PERSON]!"]),
        ("hash", ["Hello, ####.", "It's ####, not ####!"]),
        ("numbered", ["Hello, [PERSON_1].", "It's [PERSON_2], not [PERSON_3]!"]),
    ],
)
def test_label_styles(style, texts):
    redacted = redact(CALL, masked((1, 2, "PERSON"), (4, 4, "PERSON"), (6, 6, "PERSON")), style)
    assert [turn.text for turn in redacted.transcript.turns] == texts
    assert redacted.entities == {1: "PERSON", 3: "PERSON", 5: "PERSON"}


def test_the_same_value_has_the_same_number_and_each_type_its_own():
    plan = masked((2, 2, "PERSON"), (3, 3, "CUSTOM"), (4, 4, "PERSON"), (6, 6, "PERSON"))
    texts = [word.text for word in redact(CALL, plan, "numbered").transcript.words]
    assert texts == ["Hello,", "Desmond", "[PERSON_1].", "[CUSTOM_1]", "[PERSON_1],", "not", "[PERSON_2]!"]


def test_a_label_has_the_times_of_its_words_and_all_else_is_kept():
    redacted = redact(CALL, masked((1, 2, "PERSON")), "type").transcript
    label = redacted.words[1]
    assert (label.start_ms, label.end_ms, label.channel) == (500, 1400, 0)
    assert label.confidence is None
    assert redacted.words[0] is CALL.words[0]
    assert redacted.turns[1] == CALL.turns[1]
    assert (redacted.language, redacted.source, redacted.language_probability, redacted.doubts) == (
        CALL.language,
        CALL.source,
        CALL.language_probability,
        CALL.doubts,
    )


def test_untimed_words_give_an_untimed_label():
    words = (Word("Desmond", None, None, 0), Word("Halloway", None, None, 0))
    label = redact(Transcript((Turn("a", 0, words),), "en", "t"), masked((0, 1, "PERSON")), "type").transcript.words[0]
    assert (label.start_ms, label.end_ms) == (None, None)


@pytest.mark.parametrize(
    ("texts", "value"), [(["4929-03"], "492903"), (["D.", "O'Neil"], "doneil"), (["É", "é"], "éé"), (["-"], "")]
)
def test_plain_value(texts, value):
    assert plain_value(tuple(Word(text, None, None, 0) for text in texts)) == value


@st.composite
def calls(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    turns, runs, first = [], [], 0
    for number, size in enumerate(sizes):
        words = timed(*(f"word{first + i}x" for i in range(size)), channel=number % 2, start=first * 500)
        turns.append(Turn("ab"[number % 2], number % 2, words))
        at = first
        while at < first + size:
            last = draw(st.integers(at, first + size - 1))
            if draw(st.booleans()):
                runs.append((at, last, draw(st.sampled_from(["PERSON", "AGE"]))))
            at = last + 1
        first += size
    return Transcript(tuple(turns), "en", "test"), masked(*runs)


@settings(deadline=None)
@given(calls(), st.sampled_from(["type", "numbered", "hash"]))
def test_no_masked_word_is_left_and_every_other_stands(call, style):
    transcript, plan = call
    redacted = redact(transcript, plan, style)
    hidden = {i for r in plan.replacements for i in range(r.first, r.last + 1)}
    texts = [word.text for word in redacted.transcript.words]
    for index, word in enumerate(transcript.words):
        assert (word.text in texts) is (index not in hidden)
    assert len(redacted.transcript.turns) == len(transcript.turns)
    for before, after in zip(transcript.turns, redacted.transcript.turns, strict=True):
        assert (before.speaker, before.channel, before.start_ms, before.end_ms) == (
            after.speaker,
            after.channel,
            after.start_ms,
            after.end_ms,
        )
    assert len(redacted.entities) == len(plan.replacements)
    for index, entity_type in redacted.entities.items():
        text = redacted.transcript.words[index].text
        assert text == "####" if style == "hash" else text.startswith(f"[{entity_type}")


@pytest.mark.parametrize(("grid_ms", "times"), [(1, (500, 1400)), (200, (400, 1400)), (1000, (0, 2000))])
def test_a_label_s_times_lie_on_the_grid(grid_ms, times):
    label = redact(CALL, masked((1, 2, "PERSON")), "type", grid_ms).transcript.words[1]
    assert (label.start_ms, label.end_ms) == times
