"""faster-whisper, for real: the same sound gives the same words."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from redact.audio.decode import decode
from redact.audio.resample import Resampled
from redact.call import Stretch
from redact.models import locate
from redact.transcribe import whisper
from redact.transcribe.engine import Clip
from redact.transcribe.whisper import FasterWhisper

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
pytestmark = [pytest.mark.models, pytest.mark.slow]


@pytest.fixture(scope="module")
def engine():
    return FasterWhisper(locate("base", engine="faster-whisper").path, "base", device="cpu")


@pytest.fixture(scope="module")
def clips():
    with decode(SAMPLES / "fr-paiement-carte.mp3") as decoded:
        sound = Resampled(decoded.pcm, 16_000).read(5 * 16_000, 30 * 16_000)
    return [Clip(Stretch(channel, 5_000, 30_000), partial(np.copy, samples)) for channel, samples in enumerate(sound)]


def heard(engine, clips):
    return [
        (w.text, w.start_ms, w.end_ms, w.channel, w.confidence)
        for w in engine.transcribe(clips, "fr", _nobody, _nothing)
    ]


def _nobody(done, total):
    pass


def _nothing(clip, words):
    return None


def test_what_is_left_of_a_clip_is_listened_to_until_nothing_is(engine, clips):
    asked = []

    def rest(clip, words):
        asked.append(clip.where)
        return clip.part(Stretch(clip.where.channel, 17_000, 30_000)) if clip.where.start_ms < 17_000 else None

    words = engine.transcribe(clips, "fr", _nobody, rest)
    assert sorted(asked, key=lambda s: (s.start_ms, s.channel)) == [
        Stretch(channel, start, 30_000) for start in (5_000, 17_000) for channel in (0, 1)
    ]
    assert len([word for word in words if word.start_ms >= 17_000]) > len(
        [word for word in engine.transcribe(clips, "fr", _nobody, _nothing) if word.start_ms >= 17_000]
    )
    assert list(words) == sorted(words, key=lambda word: (word.channel, word.start_ms))


def test_words_lie_in_their_clips_and_come_again(engine, clips):
    first = heard(engine, clips)
    assert len(first) > 20
    assert all(5_000 <= start <= end <= 30_000 for _, start, end, _, _ in first)
    assert heard(engine, clips) == first


def test_a_failed_decoding_gets_a_second_look_that_comes_again(engine, clips, monkeypatch):
    monkeypatch.setattr(whisper, "UNLIKELY", 0.0)  # every decoding counts as failed
    looks = []
    decoded = FasterWhisper._decoded
    monkeypatch.setattr(
        FasterWhisper, "_decoded", lambda self, *given, **how: looks.append(how) or decoded(self, *given, **how)
    )
    once = heard(engine, clips[:1])
    assert ["repetition_penalty" in how for how in looks] == [False, True]
    assert once
    assert heard(engine, clips[:1]) == once


def test_clips_decoded_at_once_say_what_each_says_alone(engine, clips, monkeypatch):
    alone = heard(engine, clips)
    monkeypatch.setattr(engine, "_batch", len(clips))
    together = heard(engine, clips)
    assert [(text, channel) for text, _, _, channel, _ in together] == [(w[0], w[3]) for w in alone]
    # Sums in another order: a time may be one or two steps of 20 ms off.
    assert all(abs(a[1] - b[1]) <= 40 and abs(a[2] - b[2]) <= 40 for a, b in zip(together, alone, strict=True))


def test_silence_has_no_words(engine):
    assert engine.transcribe([Clip(Stretch(0, 0, 0), lambda: np.zeros(0, np.float32))], "en", _nobody, _nothing) == ()
