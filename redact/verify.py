"""Is what was staged really redacted? Checked on the staged files themselves, before any of them gets its name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.audio import mask
from redact.audio.pcm import Signal
from redact.audio.resample import Resampled
from redact.call import Stretch
from redact.errors import HeldForReview, RedactError, VerificationFailed
from redact.findings import Check, MaskStyle, Plan, Verification
from redact.plan import DOUBT
from redact.policy import ENTITY_TYPES, Policy

# Of the original inside a mask: how alike what was written may be, and how loud. Lossy codecs smear sound into it.
MAX_CORRELATION = 0.05
MAX_GAIN = 0.05
# Shorter or quieter than this a gain is chance. Level in dB below full scale.
MIN_SPAN_MS = 100
QUIET_DBFS = -50.0
# A longer span is compared in windows, of which each has to pass.
WINDOW_S = 10
# What wasn't masked is compared in windows of this length, and moved by this at most. Of them, so many have to be this
# alike: written a second time by AMR at its lowest rate, windows of speech are at least 0.57 alike, of speech in noise
# at least 0.43; all other codecs keep more.
REST_MS, REST_HZ, MAX_SHIFT_MS = 500, 8000, 20
LEAST_LIKENESS, LEAST_REST = 0.2, 0.9
# Codecs that state no length may be off by one of their frames; the longest is AAC's, 1024 samples at 8 kHz.
MAX_LENGTH_DIFFERENCE_MS = 130
# A label made of # stands between the words on its two sides, as the others do. So does a mask: a mark six times, with
# what the policy keeps of a number after it, which is one word with the mask.
_WORD = re.compile(r"[^\W_]+(?:['’.,:@/\-+&][^\W_]+)*|(?<!\S)([^\w\s]|_)\1{5}(?!\1)[^\W_]*|#+")

# Labels hold words ("street", "phone"), which are nobody's value there.
_LABEL = re.compile(rf"\[(?:{'|'.join((*ENTITY_TYPES, DOUBT))})(?:_[0-9A-Z]+|:[a-z]:[\w-]+)?\]")


def check_sound(original: Signal, written: Signal, plan: Plan, style: MaskStyle) -> tuple[Check, ...]:
    """Compare the written file, decoded again, with the original.

    Args:
        original: sound of the original.
        written: sound of the staged file.
        plan: whose intervals should be masked.
        style: of the mask, whose own tone is taken out before comparing.
    """
    same_shape = written.channels == original.channels and written.sample_rate == original.sample_rate
    difference_ms = abs(written.samples - original.samples) * 1000 / original.sample_rate
    checks = [
        Check("channels_and_rate_kept", same_shape),
        Check("duration_kept", same_shape and difference_ms <= MAX_LENGTH_DIFFERENCE_MS, round(difference_ms, 3)),
    ]
    if same_shape:
        excess = max(_excess(original, written, plan, style), default=0.0)
        checks.append(Check("samples_replaced", excess <= 1.0, round(excess, 4)))
    return tuple(checks)


def check_rest(original: Signal, written: Signal, plan: Plan) -> Check:
    """What was not to be masked is still heard, right up to the masks; the figure is the share of it that is.

    Windows of `REST_MS` in which the original is audible are compared as a telephone carries them, at the best shift
    that a codec may bring.
    """
    alike = [
        any(_likeness(before, after, shift) >= LEAST_LIKENESS for shift in (0, MAX_SHIFT_MS * REST_HZ // 1000))
        for before, after in _rest(original, written, plan)
    ]
    share = sum(alike) / len(alike) if alike else 1.0
    return Check("rest_kept", share >= LEAST_REST, round(share, 4))


def _rest(original: Signal, written: Signal, plan: Plan) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The windows outside the masks in which the original is audible, of both."""
    if written.channels != original.channels:
        return
    original, written = Resampled(original, REST_HZ), Resampled(written, REST_HZ)
    size, samples = REST_MS * REST_HZ // 1000, min(original.samples, written.samples)
    masked = [mask.replaced(plan.intervals, channel, REST_HZ, samples) for channel in range(original.channels)]
    for begin in range(0, samples, WINDOW_S * REST_HZ):
        stop = min(begin + WINDOW_S * REST_HZ, samples)
        heard = _unit(original.read(begin, stop)), _unit(written.read(begin, stop))
        for channel, spans in enumerate(masked):
            for first, last in _between(spans, begin, stop):
                for at, end in _windows(first - begin, last - begin, size):
                    before, after = (sound[channel, at:end] for sound in heard)
                    if end - at >= size // 2 and before @ before > len(before) * 10 ** (QUIET_DBFS / 10):
                        yield before, after


def _between(spans: Iterable[tuple[int, int]], begin: int, stop: int) -> Iterator[tuple[int, int]]:
    """What of a stretch lies outside the spans."""
    at = begin
    for first, last in spans:
        if at < min(first, stop):
            yield at, min(first, stop)
        at = max(at, last)
    if at < stop:
        yield at, stop


def _likeness(before: NDArray[np.float64], after: NDArray[np.float64], shift: int) -> float:
    """The highest correlation of two sounds of the same length, one of them moved by up to `shift` samples."""
    norm = np.sqrt((before @ before) * (after @ after)) + 1e-12
    if not shift:
        return float(before @ after / norm)
    size = 1 << (2 * len(before)).bit_length()
    common = np.fft.irfft(np.fft.rfft(before, size) * np.conj(np.fft.rfft(after, size)), size)
    return float(max(common[: shift + 1].max(), common[-shift:].max()) / norm)


def _excess(original: Signal, written: Signal, plan: Plan, style: MaskStyle) -> Iterable[float]:
    """For each window of a masked span, how near the original in what was written comes to what is allowed (1).

    Two figures must both be over their limit for a window to fail. The correlation says whether what is heard is the
    original; beside a quiet original any residue may resemble it. The gain says how loud the original still is;
    beside a loud mask it is chance.
    """
    rate = original.sample_rate
    for channel in range(original.channels):
        for span in mask.spans(plan.intervals, channel, rate, min(original.samples, written.samples)):
            for first, last in _windows(*span, WINDOW_S * rate):
                before = _unit(original.read(first, last)[channel])
                energy = float(before @ before)
                samples = last - first
                if samples < MIN_SPAN_MS * rate // 1000 or energy / samples <= 10 ** (QUIET_DBFS / 10):
                    continue
                after = _without_tone(_unit(written.read(first, last)[channel]), rate, style)
                common = abs(float(before @ after))
                correlation = common / (np.sqrt(energy * float(after @ after)) + 1e-12)
                limit = max(MAX_CORRELATION, 4 / np.sqrt(samples))
                yield float(min(correlation / limit, common / energy / MAX_GAIN))


def _windows(first: int, last: int, longest: int) -> Iterator[tuple[int, int]]:
    """A span in the fewest parts of about the same length, none longer than `longest`."""
    parts = -(-(last - first) // longest)
    for part in range(parts):
        yield first + (last - first) * part // parts, first + (last - first) * (part + 1) // parts


def _without_tone(sound: NDArray[np.float64], rate: int, style: MaskStyle) -> NDArray[np.float64]:
    """The sound less the best fit of the mask's tone to it: what a listener who subtracts the beep hears."""
    if style.kind != "tone":
        return sound
    phase = 2 * np.pi * min(style.frequency_hz, 0.45 * rate) * np.arange(len(sound)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, sound, rcond=None)
    rest: NDArray[np.float64] = sound - basis @ fit
    return rest


def _unit(samples: NDArray[Any]) -> NDArray[np.float64]:
    full_scale = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
    return samples.astype(np.float64) / full_scale


def check_tones(left: Sequence[Stretch], policy: Policy) -> tuple[Check, ...]:
    """No keypad tone may be heard in the written sound; no check where the policy leaves them in.

    Args:
        left: bursts found in the written sound, all channels', those beyond doubt (`redact.audio.dtmf.SURE`): coding
            changes the sound, and what is nearly a key may become one by chance.
        policy: which may not want keypad tones masked.
    """
    if not policy.wants("KEYPAD_TONES", 1.0):
        return ()
    return (Check("no_keypad_tones", not left, float(len(left))),)


def check_text(texts: Iterable[str], values: frozenset[tuple[str, ...]]) -> Check:
    """No masked value may stand in any line of any text output, by whole words.

    A line is one turn's or one cue's: words of two turns side by side are nobody's value.

    Args:
        texts: what a reader sees of each output.
        values: masked values, each as its words free of case and marks (`redact.plan.values`).
    """
    left = 0
    for text in (line for content in texts for line in content.splitlines()):
        words = [_free(found) for found in _WORD.finditer(_LABEL.sub(" # ", text))]
        starts: dict[str, list[int]] = {}
        for position, word in enumerate(words):
            starts.setdefault(word, []).append(position)
        left += sum(tuple(words[at : at + len(value)]) == value for value in values for at in starts.get(value[0], ()))
    return Check("no_value_in_text", left == 0, float(left))


def _free(found: re.Match[str]) -> str:
    """A word free of case and marks; a mask is no word that anybody says."""
    return ("#" if found[1] else "") + "".join(c for c in found[0].lower() if c.isalnum() or c == "#")


def check_heard(mentions: int) -> Check:
    """Nothing personal may be heard, listening again; the figure is how much was."""
    return Check("nothing_heard", not mentions, float(mentions))


def refusal(verification: Verification, policy: Policy) -> RedactError:
    """Why a call that did not pass its checks is not published."""
    failed = [check.name for check in verification.checks if not check.passed]
    if failed == ["nothing_heard"] and policy.unverified == "hold":
        return HeldForReview(
            "the call is held for review: listening again, something personal is still heard after all corrections;"
            " only its report was published",
            hint="let a person listen to it, or use a larger model",
            reason="unverified",
        )
    return VerificationFailed(
        f"the redacted call did not pass its checks ({', '.join(failed)}); only its report was published",
        hint="report this with the version from: redact --version",
        reason="unverified",
    )
