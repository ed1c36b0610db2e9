"""Listening again: what is packed where, words put back to their places, and what of it is believed."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import relisten
from redact.audio.pcm import Pcm
from redact.call import Stretch, Transcript, Turn, Word
from redact.findings import AudioInterval, Finding, Plan
from redact.plan import Mention
from redact.policy import load
from redact.relisten import PAUSE_MS, PIECE_MS, RIM_MS, WINDOW_MS, Piece

POLICY = load("default")


def mask(start, end, channels=(0, 1)):
    return AudioInterval(start, end, channels, ("PERSON",))


stretches = st.builds(
    lambda channel, start, length: Stretch(channel, start, start + length),
    st.integers(0, 1), st.integers(0, 120_000), st.integers(1, 70_000),
)  # fmt: skip
masks = st.builds(lambda start, length: mask(start, start + length), st.integers(0, 120_000), st.integers(1, 9_000))


@settings(deadline=None)
@given(st.lists(stretches, max_size=12), st.lists(masks, max_size=8), st.integers(1, 12))
def test_windows_hold_what_is_heard_and_not_masked_once_each(heard, intervals, clips):
    intervals = sorted(intervals, key=lambda interval: interval.start_ms)
    packed = relisten.windows(heard, intervals, [(0, 10)], clips)
    pieces = [piece for window in packed for piece in window]
    for window in packed:
        assert window[-1].at_ms + window[-1].where.end_ms - window[-1].where.start_ms <= WINDOW_MS
        for piece, following in pairwise(window):
            assert piece.at_ms + piece.where.end_ms - piece.where.start_ms + PAUSE_MS == following.at_ms
    assert len(packed) <= max(1, clips)
    for number, piece in enumerate(pieces):
        where = piece.where
        assert not any(i.start_ms < where.end_ms and where.start_ms < i.end_ms for i in intervals)
        assert any(
            s.start_ms - 3 * RIM_MS < where.end_ms and where.start_ms < s.end_ms + 3 * RIM_MS
            for s in heard
            if s.channel == where.channel
        )
        assert not any(
            other.where.channel == where.channel
            and other.where.start_ms < where.end_ms
            and where.start_ms < other.where.end_ms
            for other in pieces[:number]
        )


def test_all_that_is_left_is_listened_to_where_there_is_room():
    heard = [Stretch(0, 1_000, 5_000), Stretch(1, 6_000, 9_000)]
    packed = relisten.windows(heard, [mask(2_000, 3_000)], [(0, 9_000)], 9)
    assert packed == (
        (
            Piece(Stretch(0, 1_000 - RIM_MS, 2_000), 0),
            Piece(Stretch(0, 3_000, 5_000 + RIM_MS), 1_000 + RIM_MS + PAUSE_MS),
            Piece(Stretch(1, 6_000 - RIM_MS, 9_000 + RIM_MS), 3_000 + 2 * RIM_MS + 2 * PAUSE_MS),
        ),
    )


def test_nothing_is_listened_to_again_where_nothing_was_masked_or_in_doubt():
    assert relisten.marks(Plan((), ()), [], 90_000) == ()
    assert relisten.windows([Stretch(0, 0, 90_000)], [], (), 7) == ()


def test_what_is_next_to_masks_and_at_the_ends_goes_first():
    heard = [Stretch(0, start, start + 6_000) for start in range(0, 300_000, 15_000)]
    marked = relisten.marks(Plan((mask(92_000, 93_000),), ()), [], 300_000)
    (window,) = relisten.windows(heard, [mask(92_000, 93_000)], marked, 1)
    assert [round(piece.where.start_ms / 15_000) for piece in window] == [0, 1, 6, 6, 19]  # 1: next to the greeting


def test_speech_longer_than_all_windows_is_listened_to_as_far_as_they_reach():
    (window,) = relisten.windows([Stretch(0, 0, 120_000)], [], [(0, 1_000)], 1)
    assert window[0].where == Stretch(0, 0, WINDOW_MS - 2 * PAUSE_MS)


@pytest.mark.parametrize("left", [PIECE_MS - 1, PIECE_MS])
def test_pieces_too_short_for_a_word_are_left_out(left):
    packed = relisten.windows([Stretch(0, 5_000, 9_000)], [mask(5_000 - RIM_MS + left, 9_500)], [(0, 1)], 1)
    assert bool(packed) == (left == PIECE_MS)


def test_clips_sound_as_their_pieces_do():
    ramp = np.arange(16_000 * 10, dtype=np.float32) / 160_000
    with Pcm([np.stack([ramp, -ramp]).T.tobytes()], 2, 16_000, np.float32) as sound:
        window = (Piece(Stretch(0, 1_000, 1_500), 0), Piece(Stretch(1, 4_000, 4_250), 1_000))
        (clip,) = relisten.clips(sound, [window])
        heard = clip.sound()
    assert clip.where == Stretch(0, 0, 1_250)
    assert len(heard) == 16_000 * 5 // 4
    assert (heard[:8_000] == ramp[16_000:24_000]).all()
    assert not heard[8_000:16_000].any()
    assert (heard[16_000:] == -ramp[64_000:68_000]).all()


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ((100, 400), (0, 1_100, 1_400)),
        ((400, 700), (0, 1_400, 1_500)),  # over the end of its piece
        ((900, 1_100), (1, 4_000, 4_100)),  # and over its beginning
        ((1_200, 1_900), (1, 4_200, 4_250)),
        ((620, 680), (0, 1_500, 1_500)),  # in the pause
    ],
)
def test_words_are_put_back_to_where_they_were_said(word, place):
    window = (Piece(Stretch(0, 1_000, 1_500), 0), Piece(Stretch(1, 4_000, 4_250), 1_000))
    (back,) = relisten.unpacked([Word("so", *word, 0)], [window])
    assert (back.channel, back.start_ms, back.end_ms) == place


def call(*words):
    said = tuple(Word(text, start, end, 0, 0.9) for text, start, end in words)
    return Transcript((Turn("agent", 0, said),), "en", "test")


def test_words_that_are_heard_again_take_the_places_of_the_old_ones():
    first = call(("hello", 0, 400), ("I'll", 1_000, 1_200), ("end", 1_300, 1_500), ("it", 3_000, 3_200))
    window = (Piece(Stretch(0, 900, 1_600), 0),)
    anew = relisten.spliced(first, [Word("Yolanda", 1_000, 1_500, 0, 0.5)], [window], ("agent",))
    assert [word.text for word in anew.words] == ["hello", "Yolanda", "it"]


def believed(first, again, entity_type, names=(), intervals=()):
    anew = call(*again)
    findings = [Finding(entity_type, tuple(range(len(again))), 0.9, "test", "transcribed")]
    found = relisten.mentions(first, anew, anew.words, findings, names, intervals, POLICY)
    return [(m.where.start_ms, m.where.end_ms, m.entity_type) for m in found]


@pytest.mark.parametrize(
    ("was", "now", "entity_type", "names", "is_believed"),
    [
        ("end it", "Yolanda", "PERSON", ["Yolanda"], True),
        ("end it", "yolanda,", "PERSON", ["Yolanda"], True),
        ("Yolanda", "Yolanda", "PERSON", ["Yolanda"], False),  # it was heard, and detection let it be
        ("end it", "Margaret", "PERSON", ["Yolanda"], False),  # nobody of that name in the call
        ("It's", "7704", "PHONE_NUMBER", [], True),
        ("It's", "77", "PHONE_NUMBER", [], False),
        ("It's", "seven", "PHONE_NUMBER", [], False),
        ("7704", "7704", "PHONE_NUMBER", [], False),
        ("It's", "7704", "ORGANIZATION", [], False),  # the policy doesn't want it
    ],
)
def test_what_is_believed(was, now, entity_type, names, is_believed):
    first = call((was, 5_000, 5_500))
    beside = [mask(5_600, 6_000)]
    found = believed(first, [(now, 5_000, 5_500)], entity_type, names, beside)
    assert found == [(5_000, 5_500, entity_type)] * is_believed


def test_digits_far_from_any_mask_are_nobodys():
    first = call(("It's", 5_000, 5_500))
    assert believed(first, [("7704", 5_000, 5_500)], "PHONE_NUMBER", (), [mask(9_000, 9_500)]) == []


def test_names_are_learned_from_what_was_found_but_not_everyday_words():
    said = call(*((text, n, n) for n, text in enumerate(["Hope", "Yolanda's", "A-B", "al", "Perwitt.", "Marcus"])))
    found = [("PERSON", (0, 1, 2, 3, 4)), ("LOCATION", (5,))]
    findings = [Finding(entity_type, words, 0.9, "test", "transcribed") for entity_type, words in found]
    learned = partial(relisten.names, said, findings, POLICY)
    assert learned(lambda word: word == "Hope") == ("Yolanda", "Perwitt")


def test_a_call_that_was_made_again_is_listened_to_beside_what_changed():
    heard = [Stretch(0, 0, 2_000), Stretch(0, 20_000, 22_000), Stretch(0, 60_000, 62_000)]
    (window,) = relisten.windows(heard, [], [(24_000, 25_000)], 9, relisten.REACH_MS)
    assert [piece.where.start_ms for piece in window] == [20_000 - RIM_MS]


def test_later_rounds_listen_beside_the_latest_masks():
    assert relisten.beside([Mention(Stretch(0, 5, 9), "PERSON"), Mention(Stretch(1, 2, 3), "AGE")]) == ((2, 3), (5, 9))


def test_what_is_far_from_the_latest_masks_was_listened_to_before():
    found = [Mention(Stretch(0, at, at + 300), "PERSON") for at in (1_000, 6_000, 9_000)]
    assert relisten.near(found, [(5_000, 5_500)]) == (found[1],)
