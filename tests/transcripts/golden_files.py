"""Transcripts in the shape of each vendor's documentation, with invented content, and what must not be left of them."""

import re
from collections.abc import Iterable
from pathlib import Path

from redact.call import Transcript
from redact.findings import Label, Replacement
from redact.plan import said
from redact.transcripts.formats import Opened, opened

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
IDS = [str(path.relative_to(FOLDER)) for path in FILES]

# What is said in every golden file, and stands again in every field of it that can hold text.
VALUES = (
    "Desmond Halloway",
    "Desmond",
    "Halloway",
    "4539 1488 0343 6467",
    "4539148803436467",
    "four five three nine one four eight eight zero three four three six four six seven",
    "07700 900142",
    "07700900142",
    "zero seven seven zero zero nine zero zero one four two",
    "desmond.halloway@example.org",
)
CANARIES = ("desmond", "halloway", "4539", "1488", "0343", "6467", "fourfivethree", "900142")


def opened_file(path: Path) -> Opened:
    """The file, its format told by what stands in it."""
    return opened(path.read_text(encoding="utf-8"))


def labels(transcript: Transcript, values: Iterable[str] = VALUES, grid_ms: int = 200) -> tuple[Label, ...]:
    """Labels for every run of words that says one of the values: without models, so that only the format is tested."""
    found: list[Label] = []
    wanted = sorted((tuple(filter(None, map(said, value.split()))) for value in values), key=len, reverse=True)
    for turn, indices in transcript.turn_ranges():
        words = [said(word.text) for word in turn.words]
        position = 0
        while position < len(words):
            value = next((v for v in wanted if tuple(words[position : position + len(v)]) == v), None)
            if value is None and left([words[position]]):
                value = (words[position],)
            if value is None:
                position += 1
                continue
            covered = turn.words[position : position + len(value)]
            mark = covered[-1].text[-1] if covered[-1].text[-1] in ".,?!" else ""
            starts = [w.start_ms // grid_ms * grid_ms for w in covered if w.start_ms is not None]
            ends = [-(-w.end_ms // grid_ms) * grid_ms for w in covered if w.end_ms is not None]
            first = indices[position]
            found.append(
                Label(
                    first,
                    first + len(value) - 1,
                    "CUSTOM",
                    "[CUSTOM_1]",
                    mark,
                    min(starts, default=None),
                    max(ends, default=None),
                )
            )
            position += len(value)
    return tuple(found)


def left(strings: Iterable[str]) -> list[str]:
    """Canaries that a reader would still see in these strings."""
    told = [re.sub(r"[\W_]", "", string.lower()) for string in strings]
    return sorted({canary for canary in CANARIES for string in told if canary in string})


def as_replacements(some: Iterable[Label]) -> tuple[Replacement, ...]:
    """The same as a plan has them."""
    return tuple(Replacement(label.first, label.last, label.entity_type, label.text) for label in some)
