"""Speech beside keypad tones, and an engine that stops in the middle of a clip."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from redact.call import Recording, Stretch, Word
from redact.listen import Survey, transcribe, without
from redact.transcribe.engine import RESTS, Clip, Rest


@pytest.mark.parametrize(
    ("tones", "left"),
    [
        ([], [(1000, 5000)]),
        ([(0, 900)], [(1000, 5000)]),
        ([(5100, 6000)], [(1000, 5000)]),
        ([(2000, 2500)], [(1000, 2000), (2500, 5000)]),
        ([(900, 2000), (4500, 5100)], [(2000, 4500)]),
        ([(900, 5100)], []),
    ],
)
def test_speech_beside_a_key_is_still_speech(tones: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    found = without([Stretch(0, 1000, 5000)], [Stretch(0, *tone) for tone in tones])
    assert [(region.start_ms, region.end_ms) for region in found] == left
    assert without([Stretch(1, 1000, 5000)], [Stretch(0, *tone) for tone in tones]) == [Stretch(1, 1000, 5000)]


class Halting:
    """An engine that says when each tenth of a second of its clip was recorded, and stops after five seconds."""

    name = "halting"

    def __init__(self) -> None:
        self.listened: list[Stretch] = []

    def detect_language(self, clips: Sequence[Clip]) -> tuple[str, float]:
        raise NotImplementedError

    def transcribe_again(self, clips: Sequence[Clip], language: str, expected: Sequence[str]) -> tuple[Word, ...]:
        raise NotImplementedError

    def transcribe(
        self, clips: Sequence[Clip], language: str, progress: Callable[[int, int], None], rest: Rest
    ) -> tuple[Word, ...]:
        return tuple(word for clip in clips for word in self._said(clip, rest, RESTS))

    def _said(self, clip: Clip, rest: Rest, rests: int) -> list[Word]:
        self.listened.append(clip.where)
        starts = range(clip.where.start_ms, min(clip.where.start_ms + 5000, clip.where.end_ms), 100)
        told = clip.sound()[[16 * (start - clip.where.start_ms) for start in starts]]
        words = [
            Word(str(round(float(value))), start, start + 100, clip.where.channel)
            for start, value in zip(starts, told, strict=True)
        ]
        left = rest(clip, words) if rests else None
        return [*words, *(self._said(left, rest, rests - 1) if left else ())]


@pytest.mark.parametrize(
    ("speech", "rounds", "last"), [((0, 4000), 1, 4900), ((0, 10_000), 2, 9900), ((0, 28_000), 5, 24_900)]
)
def test_an_engine_that_stops_in_the_middle_listens_to_the_rest(
    speech: tuple[int, int], rounds: int, last: int
) -> None:
    where = Stretch(0, 0, 28_000)
    clip = Clip(where, lambda: (np.arange(28_000 * 16) / 16).astype(np.float32))  # each sample says its time
    recording = Recording("0" * 64, "wav", "pcm_s16le", 8000, 28 * 8000, "s16", ("agent",))
    survey = Survey(((Stretch(0, *speech),),), (), (), (clip,))
    engine = Halting()
    transcript = transcribe(survey, recording, engine, "en", None, lambda *_: None)
    assert len(engine.listened) == rounds
    assert [word.start_ms for word in transcript.words] == list(range(0, last + 100, 100))
    assert all(word.text == str(word.start_ms) for word in transcript.words)
