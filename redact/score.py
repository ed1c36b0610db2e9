"""Scores one redacted call against its labels, from the sound alone.

No report and no list of intervals is believed here. Both recordings, the original and the redacted one, are cut into
frames of 20 ms, and each frame is asked two questions:

- *Voiced?* Is the original loud enough there for something to be heard?
- *Kept?* Is the original still in the redacted sound? At the original's strongest frequencies, the redacted frame's
  spectrum is divided by the original's. Where nothing was done every quotient is one; where a tone was mixed over it,
  all are but those near the tone; where the sound was replaced they scatter around zero. So a tone *over* speech leaks.

A voiced frame that is kept within a labelled item is a leak; one that is lost far from every item is over-masking.
Each figure is explained to its reader in `docs/evaluation.md`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redact.errors import InputRejected

Sound = NDArray[np.float32]
Flags = NDArray[np.bool_]

RATE_HZ = 8000
FRAME_MS = 20

_FRAME = RATE_HZ * FRAME_MS // 1000
_WINDOW = 256  # samples: a frame with 48 samples on each side of it; 31.25 Hz a bin
_BAND = slice(8, 113)  # 250 to 3500 Hz: what every telephone codec lets through
_STRONGEST = 24  # bins compared in each frame; in the weaker ones codec noise outweighs speech
_SHIFTS = (0, -1, 1, -2, 2)  # samples by which resamplers and codecs may move the sound
_KEPT_ABOVE = 0.5  # half way from replaced (0) to untouched (1)
_BLOCK = 3000  # frames transformed at once: one minute, which bounds the memory that long calls take

_QUIET_PERCENTILE, _ABOVE_QUIET = 20, 8  # voiced is eight times the power of the channel's quiet parts, and ...
_VOICED_RMS = 0.012  # ... this loud at least, of full scale: line noise on an idle channel is not
_ECHO_RMS = 0.004  # cross-talk below this is not heard
_ECHO_CORRELATION = 0.5

_MARGIN_FRAMES = 500 // FRAME_MS  # padding this close to an item is no fault, and what is left there no leak
_FULLY_FRAMES, _FULLY_SHARE = 3, 0.03  # an item is fully masked with no more left of it than the larger of the two
_TOUCHED_SHARE = 0.8  # an item with this much left was not meant
_SLACK_S = 0.5  # codecs pad: labels and recording may differ in length by this much

_DIGITS_FROM, _DIGIT_RUN = 6, 5  # a number of six digits or more leaks where five in a row of it show
_NAME, _NAME_PART = 4, 3  # letters; shorter names, and shorter words of a name ("de"), are found by chance


@dataclass(frozen=True, slots=True)
class GoldItem:
    """One piece of personal data that is known to be in a call, with its value as it would be written."""

    entity_type: str
    channel: int
    start_ms: int
    end_ms: int
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gold:
    """What a labelled call holds: its recording, its language, and every item of personal data."""

    name: str
    audio: Path = field(repr=False)
    language: str
    duration_s: float
    items: tuple[GoldItem, ...]


@dataclass(frozen=True, slots=True)
class ItemScore:
    """How much of one item is still heard, in its speaker's channel.

    Attributes:
        entity_type: as in the gold, likewise `channel`, `start_ms` and `end_ms`.
        voiced_ms: time in the item in which the original can be heard.
        leaked_ms: the part of it that the redacted sound still holds.
        fully_masked: at most 60 ms or 3 % of the voiced time leaked, and there is a redacted recording.
        touched: more than a fifth of the voiced time was masked.
    """

    entity_type: str
    channel: int
    start_ms: int
    end_ms: int
    voiced_ms: int
    leaked_ms: int
    fully_masked: bool
    touched: bool

    @property
    def share_left(self) -> float:
        """Share of the voiced time that leaked; 0 for an item that can't be heard in the original either."""
        return self.leaked_ms / self.voiced_ms if self.voiced_ms else 0.0


@dataclass(frozen=True, slots=True)
class CallScore:
    """The figures of one call: voiced time, summed over its channels.

    Attributes:
        items: one score for each labelled item, in the gold's order.
        other_ms: voiced time more than half a second away from every item.
        over_masked_ms: the part of `other_ms` that was lost.
        masked_ms: all voiced time that was lost, in items, around them and elsewhere.
        echo_ms: time in which words of an item are also heard on another channel (cross-talk).
        echo_leaked_ms: the part of `echo_ms` in which they still are.
        text_leaks: entity types of the items whose value shows in the redacted text.
        longer_by_ms: how much longer the redacted recording is than the original; negative where it is shorter.
    """

    items: tuple[ItemScore, ...]
    other_ms: int
    over_masked_ms: int
    masked_ms: int
    echo_ms: int
    echo_leaked_ms: int
    text_leaks: tuple[str, ...]
    longer_by_ms: float


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel of both recordings, a row or flag for each frame of the original."""

    frames: Sound
    power: Sound
    voiced: Flags
    kept: Flags


def score_call(gold: Gold, original: Sound, redacted: Sound | None, text: str | None = None) -> CallScore:
    """Scores one redacted call.

    Args:
        gold: the labels of `original`.
        original: (channels, samples) at `RATE_HZ`, in [-1, 1].
        redacted: the same channels, from the same moment on; missing sound at its end counts as silence. None where
            nothing was published: then every item counts as leaked whole.
        text: the redacted transcript, where there is one.

    Raises:
        InputRejected: the labels can't belong to this recording.
        ValueError: the recordings differ in their number of channels.
    """
    channels, samples = original.shape
    _check_fit(gold, channels, samples)
    longer_by = 0 if redacted is None else redacted.shape[1] - samples
    heard = _listen(original, redacted)
    count = len(heard[0].voiced)
    away = np.ones(count, dtype=np.bool_)
    scores: list[ItemScore] = []
    echo = echo_leaked = 0
    for item in gold.items:
        first, last = item.start_ms // FRAME_MS, -(-item.end_ms // FRAME_MS)
        away[max(0, first - _MARGIN_FRAMES) : last + _MARGIN_FRAMES] = False
        span = slice(first, min(last, count))
        speaker = item.channel if channels > 1 else 0
        scores.append(_score_item(item, heard[speaker], span, published=redacted is not None))
        for other in heard[:speaker] + heard[speaker + 1 :]:
            echoed = _echoed(heard[speaker], other, span)
            echo += _ms(echoed)
            echo_leaked += _ms(echoed & other.kept[span])
    return CallScore(
        items=tuple(scores),
        other_ms=sum(_ms(channel.voiced & away) for channel in heard),
        over_masked_ms=sum(_ms(channel.voiced & ~channel.kept & away) for channel in heard),
        masked_ms=sum(_ms(channel.voiced & ~channel.kept) for channel in heard),
        echo_ms=echo,
        echo_leaked_ms=echo_leaked,
        text_leaks=() if text is None else text_leaks(gold.items, text),
        longer_by_ms=longer_by * 1000 / RATE_HZ,
    )


def _check_fit(gold: Gold, channels: int, samples: int) -> None:
    seconds = samples / RATE_HZ
    if abs(seconds - gold.duration_s) > _SLACK_S:
        raise InputRejected(
            f"{gold.name}: the labels are for {gold.duration_s:.1f} s, the recording has {seconds:.1f} s",
            hint="Check that the recording is the labelled one and whole.",
        )
    for number, item in enumerate(gold.items, start=1):
        if item.end_ms > (seconds + _SLACK_S) * 1000 or item.start_ms > seconds * 1000:
            raise InputRejected(f"{gold.name}: item {number} ends after the recording", hint="Correct its times.")
        if channels > 1 and item.channel >= channels:
            raise InputRejected(f"{gold.name}: item {number} is on a channel that is not there", hint="Count from 0.")


def _score_item(item: GoldItem, channel: _Channel, span: slice, *, published: bool) -> ItemScore:
    voiced = int(channel.voiced[span].sum())
    left = int((channel.voiced & channel.kept)[span].sum())
    return ItemScore(
        entity_type=item.entity_type,
        channel=item.channel,
        start_ms=item.start_ms,
        end_ms=item.end_ms,
        voiced_ms=voiced * FRAME_MS,
        leaked_ms=left * FRAME_MS,
        fully_masked=published and left <= max(_FULLY_FRAMES, _FULLY_SHARE * voiced),
        touched=left < _TOUCHED_SHARE * voiced,
    )


def _echoed(speaker: _Channel, other: _Channel, span: slice) -> Flags:
    """Frames of the span in which the other channel carries the same wave, of either polarity, loud enough to hear."""
    common = np.abs((speaker.frames[span] * other.frames[span]).sum(axis=1)) / _FRAME
    same = common > _ECHO_CORRELATION * np.sqrt(speaker.power[span] * other.power[span])
    echoed: Flags = speaker.voiced[span] & same & (other.power[span] > _ECHO_RMS**2)
    return echoed


def _ms(flags: Flags) -> int:
    return FRAME_MS * int(flags.sum())


def _listen(original: Sound, redacted: Sound | None) -> tuple[_Channel, ...]:
    """Judges every frame of every channel; with no redacted sound, all frames are kept."""
    original = np.nan_to_num(original, nan=0.0, posinf=0.0, neginf=0.0)
    if redacted is None:
        return tuple(_judge(channel, None) for channel in original)
    if len(redacted) != len(original):
        raise ValueError("the recordings differ in their number of channels")
    samples = original.shape[1]
    fitted = np.zeros_like(original)
    # A sample that is no number would make its whole frame look masked: it is silence, for its own length only.
    fitted[:, : redacted.shape[1]] = np.nan_to_num(redacted[:, :samples], nan=0.0, posinf=0.0, neginf=0.0)
    return tuple(_judge(*pair) for pair in zip(original, fitted, strict=True))


def _judge(original: Sound, redacted: Sound | None) -> _Channel:
    count = len(original) // _FRAME
    frames = original[: count * _FRAME].reshape(count, _FRAME)
    power = (frames**2).mean(axis=1)
    quiet = float(np.percentile(power, _QUIET_PERCENTILE)) if count else 0.0
    voiced = power > max(_ABOVE_QUIET * quiet, _VOICED_RMS**2)
    kept = np.ones(count, dtype=np.bool_)
    if redacted is not None:
        for first in range(0, count, _BLOCK):
            block = slice(first, min(first + _BLOCK, count))
            kept[block] = _likeness(original, redacted, block) > _KEPT_ABOVE
    return _Channel(frames, power, voiced, kept)


def _likeness(original: Sound, redacted: Sound, block: slice) -> NDArray[np.float64]:
    """How much of the original each frame of the redacted sound holds: about 0 (nothing) to 1 (all), at the best shift.

    The real part of each quotient is held in [-1, 1], so that no bin counts for more than another, however loud the
    tone in it.
    """
    spectra = _spectra(original, block, 0)
    strongest = np.argsort(np.abs(spectra), axis=1)[:, -_STRONGEST:]
    reference = np.take_along_axis(spectra, strongest, axis=1) + 1e-9
    best = np.zeros(len(spectra))
    for shift in _SHIFTS:
        candidate = np.take_along_axis(_spectra(redacted, block, shift), strongest, axis=1)
        best = np.maximum(best, np.clip((candidate / reference).real, -1, 1).mean(axis=1))
    return best


def _spectra(sound: Sound, block: slice, shift: int) -> NDArray[np.complex128]:
    """Spectra of the frames in `block`, through a window centred on each, of the sound moved on by `shift` samples."""
    overhang = (_WINDOW - _FRAME) // 2
    begin = block.start * _FRAME - overhang - shift
    end = (block.stop - 1) * _FRAME - overhang - shift + _WINDOW
    padded = np.pad(sound[max(0, begin) : end], (max(0, -begin), max(0, end - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_FRAME]
    spectra: NDArray[np.complex128] = np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)[:, _BAND]
    return spectra


def text_leaks(items: Iterable[GoldItem], text: str) -> tuple[str, ...]:
    """Entity types of the items that can be read in a redacted text, one entry an item.

    A value of six digits or more leaks where any five of its digits show in a row, whatever separates them; a
    person's name of four letters or more, where one of its words (of three or more) stands as a word. Case and accents
    don't matter. Other values (an e-mail address, an age) can't be told from ordinary words, and are not looked for.
    """
    folded = _fold(text)
    joined = re.sub(r"[\s,.\-]", "", folded)
    leaks = []
    for item in items:
        value = _fold(item.value)
        digits = re.sub(r"\D", "", value)
        if len(digits) >= _DIGITS_FROM:
            runs = (digits[i : i + _DIGIT_RUN] for i in range(len(digits) - _DIGIT_RUN + 1))
            leaked = any(run in joined for run in runs)
        elif item.entity_type == "PERSON" and len(value) >= _NAME:
            parts = (part for part in value.split() if len(part) >= _NAME_PART)
            leaked = any(re.search(rf"\b{re.escape(part)}\b", folded) for part in parts)
        else:
            leaked = False
        if leaked:
            leaks.append(item.entity_type)
    return tuple(leaks)


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
