"""Views: every character knows its words, and answers are joined over acknowledgements only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.views import Passage, ViewBuilder, answers, transcribed, turns

TEXTS = st.text(alphabet="abc0123é.,-'", min_size=1, max_size=8)
TURNS = st.lists(st.tuples(st.sampled_from(["agent", "customer"]), st.lists(TEXTS, min_size=1, max_size=5)), max_size=8)
ACKNOWLEDGED = "okay"


def transcript_of(spoken: list[tuple[str, list[str]]]) -> Transcript:
    channels = {"agent": 0, "customer": 1}
    return Transcript(
        tuple(
            Turn(speaker, channels.get(speaker, 0), tuple(Word(t, None, None, channels.get(speaker, 0)) for t in texts))
            for speaker, texts in spoken
        ),
        "en",
        "test",
    )


def is_acknowledgement(turn: Turn) -> bool:
    return turn.text == ACKNOWLEDGED


@settings(deadline=None)
@given(TURNS)
def test_the_whole_text_of_a_turn_is_all_its_words(spoken):
    transcript = transcript_of(spoken)
    assert [p.words for p in turns(transcript)] == [tuple(r) for _, r in transcript.turn_ranges()]
    for passage in turns(transcript):
        view = transcribed(transcript, passage)
        assert view.words_at(0, len(view.text)) == passage.words


@settings(deadline=None)
@given(TURNS)
def test_every_piece_projects_back_to_exactly_its_own_words(spoken):
    transcript = transcript_of(spoken)
    everything = Passage(tuple(range(len(transcript.words))), tuple(r.start for _, r in transcript.turn_ranges()))
    view = transcribed(transcript, everything)
    for piece in view.pieces:
        (word,) = piece.words
        assert view.text[piece.start : piece.end] == transcript.words[word].text
        assert view.words_at(piece.start, piece.end) == piece.words
        assert view.words_at(piece.end - 1, piece.end) == piece.words
        assert view.words_at(piece.end, piece.end + 1) == ()
    assert view.text.count("\n") == max(len(transcript.turns) - 1, 0)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text("xyz", max_size=4), st.lists(st.integers(0, 9), max_size=3, unique=True))),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_a_range_is_the_words_of_all_pieces_that_it_touches(parts, start, end):
    builder = ViewBuilder("test")
    for text, words in parts:
        builder.add(text, words)
    view = builder.build()
    touched = {w for p in view.pieces if max(p.start, start) < min(p.end, end) for w in p.words}
    assert view.words_at(start, end) == tuple(sorted(touched))


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 3), (5, 2)])
def test_an_empty_range_has_no_words(start, end):
    builder = ViewBuilder("test")
    builder.add("abcdef", (0,))
    assert builder.build().words_at(start, end) == ()


def test_neither_text_nor_pieces_are_in_a_repr():
    transcript = transcript_of([("customer", ["Halloway"])])
    assert "Halloway" not in repr(transcribed(transcript, turns(transcript)[0]))
    assert "Halloway" not in repr(transcript)


@pytest.mark.parametrize(
    ("spoken", "joined"),
    [
        ([("customer", ["4929"]), ("agent", ["okay"]), ("customer", ["0377"])], [((0, 2), (0, 1))]),
        (
            [("customer", ["1"]), ("agent", ["okay"]), ("customer", ["2"]), ("agent", ["okay"]), ("customer", ["3"])],
            [((0, 2, 4), (0, 1, 2))],
        ),
        ([("customer", ["4929"]), ("agent", ["wait"]), ("customer", ["0377"])], []),
        ([("customer", ["4929"]), ("agent", ["okay"])], []),
        ([("agent", ["okay"]), ("customer", ["4929"])], []),
        ([("customer", ["1", "2"]), ("agent", ["okay"]), ("customer", ["3", "4"])], [((0, 1, 3, 4), (0, 2))]),
    ],
)
def test_answers(spoken, joined):
    found = answers(transcript_of(spoken), is_acknowledgement)
    assert [(p.words, p.opens) for p in found] == joined


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["agent", "customer"]),
            st.lists(st.sampled_from([ACKNOWLEDGED, "4929", "no"]), min_size=1, max_size=2),
        ),
        max_size=10,
    )
)
def test_answers_join_one_speaker_over_acknowledgements_only(spoken):
    transcript = transcript_of(spoken)
    turn_of = [turn for turn, indices in transcript.turn_ranges() for _ in indices]
    for passage in answers(transcript, is_acknowledgement):
        assert len(passage.opens) > 1
        assert list(passage.words) == sorted(set(passage.words))
        speaker = turn_of[passage.words[0]].speaker
        assert all(turn_of[i].speaker == speaker for i in passage.words)
        skipped = set(range(passage.words[0], passage.words[-1])) - set(passage.words)
        assert all(is_acknowledgement(turn_of[i]) and turn_of[i].speaker != speaker for i in skipped)
