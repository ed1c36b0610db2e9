import pytest
from hypothesis import given
from transcript_examples import call, shown_words, sound_transcripts, turn, wild_transcripts

from redact.call import Transcript, Turn, Word
from redact.transcripts.cues import CUE_MS, LINE_CHARACTERS, PAUSE_MS, SHORTEST_CUE_MS, cues


def spoken(text: str, start_ms: int = 0, word_ms: int = 200) -> list[tuple[str, int, int]]:
    words = text.split()
    return [(word, start_ms + i * word_ms, start_ms + (i + 1) * word_ms) for i, word in enumerate(words)]


def lines(transcript: Transcript) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues(transcript)]


def times(transcript: Transcript) -> list[tuple[int, int]]:
    return [(cue.start_ms, cue.end_ms) for cue in cues(transcript)]


def test_short_text_stays_on_one_line() -> None:
    text = "x" * 20 + " " + "y" * 21
    assert lines(call(turn("", 0, *spoken(text)))) == [(text,)]


def test_the_speakers_name_counts() -> None:
    text = "x" * 20 + " " + "y" * 21
    assert lines(call(turn("agent", 0, *spoken(text)))) == [("x" * 20, "y" * 21)]


def test_longer_text_goes_on_two_even_lines_and_then_on_more_cues() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    assert lines(call(turn("agent", 0, *spoken(text)))) == [
        ("one two three four five six seven", "eight nine ten eleven twelve thirteen"),
        ("fourteen fifteen sixteen",),
    ]


def test_a_sentence_that_fills_more_than_a_line_ends_a_cue() -> None:
    text = "The engineer is coming round on Tuesday morning. Is that all right?"
    assert lines(call(turn("agent", 0, *spoken(text)))) == [
        ("The engineer is coming", "round on Tuesday morning."),
        ("Is that all right?",),
    ]


def test_a_label_is_never_divided() -> None:
    label = "[NATIONAL INSURANCE NUMBER OF A PERSON IN THE UNITED KINGDOM]."
    words = [*spoken("it is", 0), (label, 400, 900), *spoken("thank you", 900)]
    assert lines(call(turn("customer", 1, *words))) == [("it is",), (label,), ("thank you",)]


def test_a_cue_ends_before_seven_seconds() -> None:
    words = spoken("so er well let me see", word_ms=1_300)
    assert times(call(turn("customer", 1, *words))) == [(0, 6_500), (6_500, 7_800)]


def test_a_long_label_gets_its_own_cue_and_all_its_time() -> None:
    words = [*spoken("it's"), ("[CREDIT_CARD_1].", 200, 12_200), *spoken("right?", 12_200, 1_000)]
    assert times(call(turn("customer", 1, *words))) == [(0, 200), (200, 12_200), (12_200, 13_200)]


def test_words_after_a_pause_are_not_shown_before_it() -> None:
    words = [("One", 0, 900), ("moment.", 900, 1_500), ("Right,", 1_500 + PAUSE_MS, 4_000)]
    assert times(call(turn("agent", 0, *words))) == [(0, 1_500), (1_500 + PAUSE_MS, 4_000)]


def test_a_flash_is_shown_longer_up_to_the_next_cue_on_its_channel() -> None:
    transcript = call(
        turn("agent", 0, ("Yes.", 0, 100)),
        turn("customer", 1, ("Hm.", 200, 300)),
        turn("agent", 0, ("No.", 500, 600)),
    )
    assert times(transcript) == [(0, 500), (200, 200 + SHORTEST_CUE_MS), (500, 500 + SHORTEST_CUE_MS)]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([turn("a", 0, "a" * 20)], [(0, 1_200)], id="alone: from the start, at the pace of speech"),
        pytest.param(
            [turn("a", 0, ("x", 0, 5_000)), turn("b", 1, "b" * 20), turn("a", 0, ("y", 9_000, 10_000))],
            [(0, 5_000), (5_000, 6_200), (9_000, 10_000)],
            id="turn between turns: after the one before",
        ),
        pytest.param(
            [turn("a", 0, ("x", 0, 5_000)), turn("b", 1, "b" * 20), turn("a", 0, ("y", 6_000, 7_000))],
            [(0, 5_000), (5_000, 6_000), (6_000, 7_000)],
            id="turn between close turns: faster",
        ),
        pytest.param(
            [turn("a", 0, ("x", 0, 5_000)), turn("b", 1, "b" * 40), turn("a", 0, ("y", 4_000, 7_000))],
            [(0, 5_000), (4_000, 5_000), (4_000, 7_000)],
            id="turn between overlapping turns: with the next, at the fastest pace",
        ),
        pytest.param(
            [turn("a", 0, ("x", 0, 5_000)), turn("b", 1, "b" * 20), turn("c", 1), turn("a", 0, "c" * 20)],
            [(0, 5_000), (5_000, 6_200), (6_200, 7_400)],
            id="turns at the end: one after the other",
        ),
        pytest.param(
            [
                turn("a", 0, ("x", 0, 5_000)),
                turn("b", 1, "b" * 20),
                turn("c", 1),
                turn("b", 1, "c" * 20),
                turn("a", 0, ("y", 7_000, 8_000)),
            ],
            [(0, 5_000), (5_000, 6_000), (6_000, 7_000), (7_000, 8_000)],
            id="several turns between: they share the room",
        ),
        pytest.param(
            [turn("a", 0, "a" * 9, ("x", 5_000, 6_000))], [(4_400, 6_000)], id="words at a turn's start: just before"
        ),
        pytest.param(
            [turn("b", 1, ("y", 0, 4_900)), turn("a", 0, "a" * 9, ("x", 5_000, 6_000))],
            [(0, 4_900), (4_900, 6_000)],
            id="words at a turn's start: not before the turn before",
        ),
        pytest.param(
            [turn("a", 0, ("x", 5_000, 6_000), "a" * 9)], [(5_000, 6_600)], id="words at a turn's end: just after"
        ),
        pytest.param(
            [turn("a", 0, ("x", 0, 100), "a" * 8, "b" * 8, ("y", 4_100, 5_000))], [(0, 5_000)], id="words between words"
        ),
        pytest.param([turn("a", 0, ("x", None, 3_000))], [(2_940, 3_774)], id="an end only"),
        pytest.param([turn("a", 0, ("x" * 20, 3_000, None))], [(3_000, 4_200)], id="a start only"),
        pytest.param(
            [turn("a", 0, ("x", 3_000, 4_000), ("y", 1_000, 2_000), ("z", 4_000, 5_000))],
            [(3_000, 5_000)],
            id="backwards: with the word before",
        ),
        pytest.param([turn("a", 0, ("x", 3_000, 2_000))], [(3_000, 3_834)], id="ends before it starts"),
        pytest.param([turn("a", 0, ("x", -900, -800))], [(0, 834)], id="before the recording"),
        pytest.param(
            [turn("a", 0, ("x", 0, 900_000), ("y", 400, 2_000))], [(0, 2_000)], id="an end long after the next start"
        ),
    ],
)
def test_words_without_sound_times_are_shown_all_the_same(turns: list[Turn], expected: list[tuple[int, int]]) -> None:
    assert times(call(*turns)) == expected


@given(wild_transcripts())
def test_cues_are_sorted_and_none_ends_before_it_starts(transcript) -> None:
    made = cues(transcript)
    assert [cue.start_ms for cue in made] == sorted(cue.start_ms for cue in made)
    assert all(0 <= cue.start_ms < cue.end_ms for cue in made)
    assert all(1 <= len(cue.lines) <= 2 and all(line.strip() for line in cue.lines) for cue in made)


@given(wild_transcripts())
def test_every_word_is_whole_in_one_cue_of_its_turn_and_in_order(transcript) -> None:
    for number, of_turn in enumerate(transcript.turns):
        words = shown_words(of_turn)
        for line in (line for cue in cues(transcript) if cue.speaker == f"Speaker {number}" for line in cue.lines):
            taken = next(k for k in range(1, len(words) + 1) if " ".join(words[:k]) == line)
            words = words[taken:]
        assert words == []


@given(sound_transcripts())
def test_cues_keep_to_the_limits_unless_one_word_breaks_them(transcript) -> None:
    lead = len("Speaker 0: ")
    words = {word for t in transcript.turns for word in shown_words(t)}
    for cue in cues(transcript):
        for number, line in enumerate(cue.lines):
            if (lead if number == 0 else 0) + len(line) > LINE_CHARACTERS:
                assert len(cue.lines) == 1
                assert line in words
        if cue.end_ms - cue.start_ms > CUE_MS:
            assert cue.lines[0] in words


@given(sound_transcripts())
def test_times_are_those_of_the_words(transcript) -> None:
    made = cues(transcript)
    for number, of_turn in enumerate(transcript.turns):
        timed = [word for word in of_turn.words if word.start_ms is not None]
        if not timed or len(timed) < len(of_turn.words):
            continue
        starts, ends = {word.start_ms for word in timed}, {word.end_ms for word in timed}
        for cue in (cue for cue in made if cue.speaker == f"Speaker {number}"):
            assert cue.start_ms in starts
            assert cue.end_ms in ends or cue.end_ms <= cue.start_ms + SHORTEST_CUE_MS


def test_nothing_shows_in_a_repr() -> None:
    assert "secret" not in repr(cues(call(Turn("agent", 0, (Word("secret", 0, 900, 0),)))))
