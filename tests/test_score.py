"""Scoring from the sound alone: what is known to be left of a made call is what the score says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import score
from redact.errors import InputRejected
from redact.score import RATE_HZ, Gold, GoldItem, score_call, text_leaks

SECONDS = 12
AGENT, CUSTOMER = 0, 1
SAID_MS = (4000, 5000)  # the item, in the middle of the customer's turn of 3 to 7 s


def speech(seconds, seed=1):
    """A voice as far as the measure is concerned: moving harmonics, loudness that wavers, some breath."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(130 + 25 * np.sin(2 * np.pi * 2.3 * t + seed)) / RATE_HZ
    voice = sum(np.cos(k * phase + rng.uniform(0, 6)) / k**0.5 for k in range(1, 25))
    wavering = 0.7 + 0.3 * np.sin(2 * np.pi * 4 * t)
    return 0.05 * wavering * voice + 0.003 * rng.standard_normal(len(t))


def call(echo=0.0, channels=2):
    """Twelve seconds: the agent speaks from 0.5 to 2 s and from 8 to 10 s, the customer from 3 to 7 s."""
    sound = 1e-4 * np.random.default_rng(0).standard_normal((2, SECONDS * RATE_HZ))
    for channel, start, end in ((AGENT, 0.5, 2), (CUSTOMER, 3, 7), (AGENT, 8, 10)):
        said = speech(end - start, seed=int(end))
        span = slice(int(start * RATE_HZ), int(end * RATE_HZ))
        sound[channel, span] += said
        sound[1 - channel, span] += echo * said
    if channels == 1:
        sound = sound.sum(axis=0, keepdims=True)
    return sound.astype(np.float32)


def labels(*spans_ms, channel=CUSTOMER, entity_type="PERSON", value="Maud Ferris"):
    items = tuple(GoldItem(entity_type, channel, start, end, value) for start, end in spans_ms)
    return Gold("made", Path("made.wav"), "en", SECONDS, items)


def covered(sound, kind, start_ms, end_ms, channels=(AGENT, CUSTOMER)):
    out = sound.copy()
    span = slice(start_ms * RATE_HZ // 1000, min(end_ms * RATE_HZ // 1000, sound.shape[1]))
    t = np.arange(span.stop - span.start) / RATE_HZ
    tone = 0.1 * np.sin(2 * np.pi * 1000 * t)
    noise = 0.05 * np.random.default_rng(5).standard_normal(len(t))
    for channel in channels:
        if kind == "mixed tone":
            out[channel, span] += tone
        elif kind == "loud mixed tone":
            out[channel, span] += 5 * tone
        else:
            out[channel, span] = {"tone": tone, "silence": 0 * tone, "noise": noise}[kind]
    return out


def test_untouched_call_has_leaked_whole():
    sound = call()
    result = score_call(labels(SAID_MS), sound, sound.copy())
    (item,) = result.items
    assert (item.voiced_ms, item.leaked_ms, item.fully_masked, item.touched) == (1000, 1000, False, False)
    assert item.share_left == 1
    # all speech but the item and half a second on either side of it: 1.5 + 2 + 2 s, give or take a frame an edge
    assert result.other_ms == pytest.approx(5500, abs=100)
    assert (result.over_masked_ms, result.masked_ms, result.longer_by_ms) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["tone", "silence", "noise"])
@pytest.mark.parametrize("channels", [1, 2])
def test_replaced_sound_is_masked(kind, channels):
    sound = call(channels=channels)
    result = score_call(labels(SAID_MS), sound, covered(sound, kind, *SAID_MS, channels=range(channels)))
    (item,) = result.items
    assert item.fully_masked
    assert item.touched
    assert item.leaked_ms <= 40  # frames at the edges look at what lies outside, noise agrees by chance
    assert result.over_masked_ms == 0
    assert result.masked_ms == pytest.approx(1000, abs=60)


@pytest.mark.parametrize("kind", ["mixed tone", "loud mixed tone"])
def test_tone_over_speech_is_a_leak(kind):
    sound = call()
    result = score_call(labels(SAID_MS), sound, covered(sound, kind, *SAID_MS))
    assert result.items[0].leaked_ms >= 980
    assert not result.items[0].fully_masked


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_sound_that_lies_a_few_samples_off_is_recognised(shift):
    sound = call()
    result = score_call(labels(SAID_MS), sound, np.roll(sound, shift, axis=1))
    assert result.items[0].leaked_ms == 1000
    assert result.over_masked_ms == 0


@pytest.mark.parametrize("gain", [0.6, 1.0, 3.0])
def test_g711_and_a_changed_level_do_not_hide_speech(gain):
    sound = call()
    mu = np.sign(sound) * np.log1p(255 * np.abs(sound)) / np.log(256)
    mu = np.round(mu * 127) / 127
    again = gain * np.sign(mu) * np.expm1(np.abs(mu) * np.log(256)) / 255
    result = score_call(labels(SAID_MS), sound, again.astype(np.float32))
    assert result.items[0].leaked_ms == 1000
    assert result.over_masked_ms == 0


@pytest.mark.parametrize(
    ("pad_ms", "over_ms"),
    [(0, 0), (400, 0), (800, 600), (1000, 1000)],  # beyond half a second on either side it is over-masking
)
def test_padding_counts_in_what_was_masked_and_as_a_fault_only_far_from_items(pad_ms, over_ms):
    sound = call()
    masked = covered(sound, "tone", SAID_MS[0] - pad_ms, SAID_MS[1] + pad_ms)
    result = score_call(labels(SAID_MS), sound, masked)
    assert result.items[0].leaked_ms <= 20
    assert result.over_masked_ms == pytest.approx(over_ms, abs=60)
    assert result.masked_ms == pytest.approx(1000 + 2 * pad_ms, abs=60)


def test_mask_on_the_wrong_words_is_both_a_leak_and_over_masking():
    sound = call()
    result = score_call(labels(SAID_MS), sound, covered(sound, "tone", 8500, 9500))
    assert result.items[0].leaked_ms == 1000
    assert not result.items[0].touched
    assert result.over_masked_ms == pytest.approx(1000, abs=60)


@pytest.mark.parametrize(
    ("item_ms", "left_ms", "fully"),
    [(1000, 40, True), (1000, 160, False), (3000, 80, True), (3000, 160, False)],  # 60 ms, or 3 %: 90 ms of 3 s
)
def test_little_of_an_item_may_be_left(item_ms, left_ms, fully):
    sound = call()
    masked = covered(sound, "silence", 3500, 3500 + item_ms - left_ms)
    (item,) = score_call(labels((3500, 3500 + item_ms)), sound, masked).items
    assert item.leaked_ms == pytest.approx(left_ms, abs=20)
    assert item.fully_masked is fully


def test_half_an_item_left_is_half_a_leak():
    sound = call()
    (item,) = score_call(labels(SAID_MS), sound, covered(sound, "tone", 4000, 4500)).items
    assert item.leaked_ms == pytest.approx(500, abs=20)
    assert item.touched
    assert not item.fully_masked


def test_call_without_output_has_leaked_whole():
    gold = labels(SAID_MS, (11000, 11500))  # the second is inaudible, and yet nobody masked it
    result = score_call(gold, call(), None)
    assert [item.leaked_ms for item in result.items] == [1000, 0]
    assert not any(item.fully_masked or item.touched for item in result.items)
    assert (result.masked_ms, result.over_masked_ms, result.longer_by_ms) == (0, 0, 0)


def test_item_nobody_can_hear_has_nothing_to_leak():
    sound = call()
    (item,) = score_call(labels((11000, 11500)), sound, sound).items
    assert (item.voiced_ms, item.leaked_ms, item.fully_masked, item.share_left) == (0, 0, True, 0)


@pytest.mark.parametrize(
    ("masked_channels", "heard_ms"), [((CUSTOMER,), 1000), ((AGENT, CUSTOMER), 0)], ids=["own", "all"]
)
def test_cross_talk_is_heard_on_the_other_channel(masked_channels, heard_ms):
    sound = call(echo=0.2)
    result = score_call(labels(SAID_MS), sound, covered(sound, "tone", *SAID_MS, channels=masked_channels))
    assert result.items[0].fully_masked
    assert result.echo_ms == pytest.approx(1000, abs=100)
    assert result.echo_leaked_ms == pytest.approx(min(heard_ms, result.echo_ms), abs=40)
    assert result.over_masked_ms == 0  # masking the echo of an item is no fault


def test_echo_too_faint_to_hear_is_no_cross_talk():
    sound = call(echo=0.01)
    assert score_call(labels(SAID_MS), sound, sound).echo_ms == 0


@pytest.mark.parametrize(
    ("line_noise", "level", "voiced_ms"),
    [(1e-4, 1, 1000), (0.015, 3, 1000), (1e-4, 0.03, 0)],
    ids=["quiet line", "noisy line", "a voice too faint to hear"],
)
def test_what_can_be_heard_is_above_both_the_noise_and_a_fixed_level(line_noise, level, voiced_ms):
    sound = level * call() + line_noise * np.random.default_rng(9).standard_normal((2, SECONDS * RATE_HZ))
    sound = sound.astype(np.float32)
    result = score_call(labels(SAID_MS, (11000, 11500)), sound, sound)
    assert [item.voiced_ms for item in result.items] == [voiced_ms, 0]


def test_two_people_at_once_are_no_cross_talk():
    sound = call()
    sound[AGENT, 3 * RATE_HZ : 7 * RATE_HZ] += speech(4, seed=77).astype(np.float32)
    assert score_call(labels(SAID_MS), sound, sound).echo_ms <= 60


def test_mono_call_has_one_channel_whatever_the_labels_say():
    sound = call(channels=1)
    assert score_call(labels(SAID_MS, channel=CUSTOMER), sound, sound).items[0].leaked_ms == 1000


def test_missing_end_counts_as_lost_and_a_longer_one_is_cut():
    sound = call()
    shorter = score_call(labels(SAID_MS), sound, sound[:, : 9 * RATE_HZ])
    assert shorter.longer_by_ms == -3000
    assert shorter.over_masked_ms == pytest.approx(1000, abs=60)
    longer = score_call(labels(SAID_MS), sound, np.pad(sound, ((0, 0), (0, 800))))
    assert longer.longer_by_ms == 100
    assert longer.over_masked_ms == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_hide_nothing(bad):
    sound = call()
    redacted = sound.copy()
    redacted[:, 80::160] = bad  # one in each frame
    assert score_call(labels(SAID_MS), sound, redacted).items[0].leaked_ms >= 980


def test_long_calls_are_scored_in_blocks_without_seams(monkeypatch):
    sound = call()
    masked = covered(sound, "tone", 4200, 9100)
    whole = score_call(labels(SAID_MS), sound, masked)
    monkeypatch.setattr(score, "_BLOCK", 7)
    assert score_call(labels(SAID_MS), sound, masked) == whole


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 161])
def test_hardly_any_sound(samples):
    gold = Gold("made", Path("made.wav"), "en", samples / RATE_HZ, ())
    sound = np.full((2, samples), 0.1, np.float32)
    result = score_call(gold, sound, sound)
    assert result.items == ()
    assert result.masked_ms == 0


def test_recordings_must_have_the_same_channels():
    sound = call()
    with pytest.raises(ValueError, match="channels"):
        score_call(labels(SAID_MS), sound, sound[:1])


@pytest.mark.parametrize(
    ("gold", "complaint"),
    [
        (Gold("made", Path("a"), "en", SECONDS + 1, ()), "13.0 s, the recording has 12.0 s"),
        (labels((11000, 12600)), "item 1 ends after"),
        (labels(SAID_MS, (12100, 12200)), "item 2 ends after"),
        (labels(SAID_MS, channel=2), "item 1 is on a channel"),
    ],
)
def test_labels_of_another_recording_are_refused(gold, complaint):
    with pytest.raises(InputRejected, match=complaint) as caught:
        score_call(gold, call(), call())
    assert "Maud" not in f"{caught.value}{caught.value.hint}{gold!r}"


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 10000), length=st.integers(0, 2000), more=st.integers(0, 1500))
def test_masking_more_never_leaks_more(start, length, more):
    sound, gold = call(), labels(SAID_MS, (6000, 6400))
    narrow = score_call(gold, sound, covered(sound, "silence", start, start + length))
    wide = score_call(gold, sound, covered(sound, "silence", max(0, start - more), start + length + more))
    for less, full in zip(wide.items, narrow.items, strict=True):
        assert less.leaked_ms <= full.leaked_ms <= full.voiced_ms == less.voiced_ms
    assert narrow.masked_ms <= wide.masked_ms
    assert narrow.over_masked_ms <= wide.over_masked_ms <= wide.masked_ms


@pytest.mark.parametrize(
    ("entity_type", "value", "text", "leaks"),
    [
        ("CREDIT_CARD", "4539148803436467", "the card [CREDIT_CARD] yes", False),
        ("CREDIT_CARD", "4539148803436467", "so 4539 1488 0343 6467", True),
        ("CREDIT_CARD", "4539148803436467", "so 45391", True),
        ("CREDIT_CARD", "4539148803436467", "4-8-8, 0.3 and then", True),  # 48803, whatever separates them
        ("CREDIT_CARD", "4539148803436467", "ends in 6467", False),  # four in a row are not enough
        ("CREDIT_CARD", "6467", "ends in 6467", False),  # too short to tell from any other number
        ("CREDIT_CARD", "46467", "ends in 46467", False),
        ("DATE_OF_BIRTH", "1962-05-17", "on 1962-05-17", True),
        ("DATE_OF_BIRTH", "1962-05-17", "the 17th of May", False),
        ("PERSON", "Maud Ferris", "Yes, [PERSON] speaking", False),
        ("PERSON", "Maud Ferris", "Mrs. FERRIS, right?", True),
        ("PERSON", "Maud Ferris", "ferrisworld is a company", False),
        ("PERSON", "Éloïse Béranger", "madame beranger", True),
        ("PERSON", "Jo de Witt", "de la part de Jo", False),
        ("PERSON", "Ann", "Ann", False),
        ("EMAIL_ADDRESS", "maud@example.org", "maud at example dot org", False),
    ],
)
def test_values_in_the_redacted_text(entity_type, value, text, leaks):
    items = (GoldItem(entity_type, 0, 0, 1000, value),)
    assert text_leaks(items, text) == ((entity_type,) if leaks else ())


def test_text_is_scored_with_the_call_and_only_where_there_is_one():
    sound, gold = call(), labels(SAID_MS, SAID_MS)
    assert score_call(gold, sound, sound, "Ferris").text_leaks == ("PERSON", "PERSON")
    assert score_call(gold, sound, sound, "").text_leaks == ()
    assert score_call(gold, sound, sound).text_leaks == ()
