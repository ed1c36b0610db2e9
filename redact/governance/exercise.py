"""The exercise: ten short clips of the sample calls, to be told apart by ear, and the score of an answer sheet.

What is right is nowhere in the folder: it is worked out again from the samples' exact labels when a sheet is scored.
"""

import csv
import hashlib
import io
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from redact import paper
from redact.audio import wav
from redact.audio.decode import decode
from redact.errors import InputRejected
from redact.evaluate import read_golds
from redact.governance.prose import decimal
from redact.governance.words import LANGUAGES, words
from redact.publish import Staged
from redact.score import Gold

CLIPS, SHEET = 10, "answers.csv"
COLUMNS = ("exercise", "clip", "personal", "type")
# Of ten clips so many have personal data: which number it is, the seed decides.
_PERSONAL = (4, 5, 6)
_CLIP_MS, _STEP_MS = 7000, 500
# An item is whole in a clip, with this much around it, or not in it at all: nobody has to guess at half a name.
_AROUND_MS = 300
# A window in which so little is heard is no question; of full scale, root mean square.
_QUIET = 0.01
_LONGEST_SHEET = 1 << 16
_ID = re.compile(r"[0-9]{1,9}-[0-9a-f]{8}")
_YES, _NO = frozenset({"yes", "y", "oui", "o", "1", "true"}), frozenset({"no", "n", "non", "0", "false"})


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a sample call, and what is right about it.

    Attributes:
        call: index among the samples.
        types: entity types that are heard in it; empty where nothing personal is.
    """

    call: int
    start_ms: int
    end_ms: int
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sample call's sound: of shape (channels, samples), of full scale."""

    samples: NDArray[np.float32]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of a sheet, and whether it is right."""

    clip: int
    is_right: bool
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """What came of a sheet."""

    exercise: str
    answers: tuple[Answer, ...]

    @property
    def share(self) -> float:
        """Share of clips that were told right, from 0 to 1."""
        return sum(answer.is_right for answer in self.answers) / len(self.answers)


def make(samples: Path, folder: Path, seed: int, *, force: bool = False) -> str:
    """Write an exercise: ten WAV files, a sheet to fill in, and a page in each language; the exercise's id.

    Args:
        samples: folder of labelled calls.
        folder: to write to.
        seed: the same seed gives the same exercise.
        force: whether files of the same names may be replaced.

    Raises:
        RedactError: the samples can't be read, are too few, or the folder can't be written to.
    """
    golds = read_golds(samples)
    sounds = [_sound(gold) for gold in golds]
    exercise, chosen = _exercise(golds, sounds, seed)
    with Staged(folder) as staged:
        lengths = [_write(sounds[c.call], c, staged.open(_name(n))) for n, c in enumerate(chosen, start=1)]
        for language in LANGUAGES:
            staged.open(f"exercise.{language}.html").write(_page(exercise, lengths, _types(golds), language).encode())
        staged.open(SHEET).write(_sheet(exercise).encode())
        staged.publish(force=force)
    return exercise


def score(sheet: Path, samples: Path, expected: str = "") -> Score:
    """Score a sheet that was filled in.

    Args:
        sheet: the file.
        samples: the folder of labelled calls that the exercise was made from.
        expected: the id that the exercise has; empty for the sheet's own.

    Raises:
        InputRejected: it is no such sheet, not wholly filled in, or of other samples.
    """
    exercise, given = _read(sheet)
    if expected and expected != exercise:
        raise InputRejected("the sheet is of another exercise", hint="give the sheet of the exercise that was set")
    golds = read_golds(samples)
    made, chosen = _exercise(golds, [_sound(gold) for gold in golds], int(exercise.partition("-")[0]))
    if made != exercise:
        raise InputRejected("the sheet is of other samples", hint="give the folder of its samples with --samples")
    answers = []
    for number, clip in enumerate(chosen, start=1):
        personal, kind = given[number]
        is_right = personal == bool(clip.types) and (not clip.types or kind in clip.types)
        answers.append(Answer(number, is_right, tuple(sorted(clip.types))))
    return Score(exercise, tuple(answers))


def _exercise(golds: Sequence[Gold], sounds: Sequence[_Sound], seed: int) -> tuple[str, tuple[Clip, ...]]:
    """The id of an exercise and its clips."""
    draw = random.Random(seed)  # noqa: S311 - an exercise, not a secret
    with_data: list[Clip] = []
    without: list[Clip] = []
    digest = hashlib.sha256()
    for number, gold in enumerate(golds):
        content = gold.audio.read_bytes()
        digest.update(gold.name.encode() + hashlib.sha256(content).digest())
        digest.update(repr([(i.entity_type, i.channel, i.start_ms, i.end_ms) for i in gold.items]).encode())
        for clip in _windows(number, gold):
            (with_data if clip.types else without).append(clip)
    wanted = draw.choice(_PERSONAL)
    heard = [_heard(sound) for sound in sounds]
    audible = [clip for clip in without if _is_audible(heard[clip.call], clip)]
    chosen = [*_apart(_by_type(with_data, draw), wanted), *_apart(_mixed(audible, draw), CLIPS - wanted)]
    if len(chosen) < CLIPS:
        raise InputRejected("there are too few sample calls for an exercise", hint="give a folder of more calls")
    draw.shuffle(chosen)
    return f"{seed}-{digest.hexdigest()[:8]}", tuple(chosen)


def _windows(number: int, gold: Gold) -> Iterator[Clip]:
    """Stretches of a call in which each item is whole, or not at all."""
    for start in range(0, int(gold.duration_s * 1000) - _CLIP_MS, _STEP_MS):
        end = start + _CLIP_MS
        near = [i for i in gold.items if i.end_ms + _AROUND_MS > start and i.start_ms - _AROUND_MS < end]
        if all(i.start_ms - _AROUND_MS >= start and i.end_ms + _AROUND_MS <= end for i in near):
            yield Clip(number, start, end, frozenset(i.entity_type for i in near))


def _by_type(clips: Sequence[Clip], draw: random.Random) -> list[Clip]:
    """Clips in turn of each type, so that an exercise has many, however often each is said."""
    mixed = _mixed(clips, draw)
    kinds = sorted({kind for clip in clips for kind in clip.types})
    draw.shuffle(kinds)
    queues = [[clip for clip in mixed if kind in clip.types] for kind in kinds]
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _mixed(clips: Sequence[Clip], draw: random.Random) -> list[Clip]:
    return draw.sample(list(clips), len(clips))


def _apart(clips: Sequence[Clip], count: int) -> list[Clip]:
    """The first so many that share no sound."""
    chosen: list[Clip] = []
    for clip in clips:
        if len(chosen) < count and not any(
            clip.call == other.call and clip.start_ms < other.end_ms and other.start_ms < clip.end_ms
            for other in chosen
        ):
            chosen.append(clip)
    return chosen


def _sound(gold: Gold) -> _Sound:
    with decode(gold.audio) as decoded:
        sound = decoded.pcm.read()
        full = 1.0 if sound.dtype.kind == "f" else float(np.iinfo(sound.dtype).max)
        return _Sound((sound.astype(np.float64) / full).astype(np.float32), decoded.pcm.sample_rate)


def _heard(sound: _Sound) -> NDArray[np.float32]:
    """How loud each half second of a call is, in its loudest channel: root mean square, of full scale."""
    step = sound.rate_hz * _STEP_MS // 1000
    starts = range(0, sound.samples.shape[1] - step, step)
    levels = [np.sqrt(np.mean(np.square(sound.samples[:, at : at + step]), axis=1)).max() for at in starts]
    return np.array(levels, dtype=np.float32)


def _is_audible(levels: NDArray[np.float32], clip: Clip) -> bool:
    """True where somebody speaks in half of a clip at least."""
    part = levels[clip.start_ms // _STEP_MS : clip.end_ms // _STEP_MS]
    return bool((part > _QUIET).mean() >= 0.5) if len(part) else False


def _write(sound: _Sound, clip: Clip, out: BinaryIO) -> float:
    """Write a clip as a PCM WAV; its length in seconds."""
    first, last = (ms * sound.rate_hz // 1000 for ms in (clip.start_ms, clip.end_ms))
    cut = (np.clip(sound.samples[:, first:last], -1, 1) * 32767).astype(np.int16)
    wav.write_pcm16(iter([cut]), cut.shape[0], cut.shape[1], sound.rate_hz, out)
    return float(cut.shape[1]) / sound.rate_hz


def _name(number: int) -> str:
    return f"clip-{number:02}.wav"


def _types(golds: Sequence[Gold]) -> list[str]:
    return sorted({item.entity_type for gold in golds for item in gold.items})


def _sheet(exercise: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([exercise, _name(number), "", ""] for number in range(1, CLIPS + 1))
    return out.getvalue()


def _page(exercise: str, lengths: Sequence[float], types: Sequence[str], language: str) -> str:
    said = words("exercise", language)
    clips = [(_name(number), decimal(length, language)) for number, length in enumerate(lengths, start=1)]
    parts = [
        f"<h1>{escape(said['title'])}</h1>",
        f'<p class="what"><code>{escape(exercise)}</code></p>',
        f"<p>{escape(said['intro'])}</p><p>{escape(said['keep'])}</p>",
        f"<h2>{escape(said['clips'])}</h2>",
        paper.table((said["clip"], said["seconds"]), clips),
        f"<h2>{escape(said['types'])}</h2>",
        paper.table((said["type"], said["meaning"]), [(kind, said.get(kind, "")) for kind in types]),
    ]
    return paper.page(said["title"], parts, language)


def _read(sheet: Path) -> tuple[str, dict[int, tuple[bool, str]]]:
    """The exercise of a sheet, and the answer to each clip."""
    wrong = InputRejected("the sheet is not one of an exercise", hint=f"fill in {SHEET}, and leave its columns")
    try:
        with sheet.open(encoding="utf-8-sig", newline="") as opened:
            text = opened.read(_LONGEST_SHEET)
        delimiter = ";" if text.partition("\n")[0].count(";") > 1 else ","  # as French spreadsheets write it
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise wrong from None
    exercises = {(row.get("exercise") or "").strip() for row in rows}
    exercise = exercises.pop() if len(exercises) == 1 else ""
    if not _ID.fullmatch(exercise) or [row.get("clip") for row in rows] != [_name(n) for n in range(1, CLIPS + 1)]:
        raise wrong
    return exercise, {number: _answer(number, row) for number, row in enumerate(rows, start=1)}


def _answer(number: int, row: dict[str, str]) -> tuple[bool, str]:
    said = (row.get("personal") or "").strip().casefold()
    if said not in _YES | _NO:
        raise InputRejected(f"clip {number} has no answer", hint="write yes or no, oui or non, in the column personal")
    return said in _YES, (row.get("type") or "").strip().upper()
