"""What outputs are called: as their input is, unless its name may say something personal."""

import re
from pathlib import Path

from redact.plan import VALUE_CHARACTERS, IsEveryday, never, said

TEXT_SUFFIXES = (".txt", ".vtt", ".srt", ".json")
PAGE_SUFFIX = ".html"
# Bytes of a second of a call in each kind of file that is taken for a recording, where nobody knows better.
RECORDINGS = {
    ".wav": 16_000, ".wave": 16_000, ".flac": 12_000, ".mp3": 4_000, ".m4a": 4_000, ".mp4": 4_000, ".aac": 4_000,
    ".ogg": 3_000, ".oga": 3_000, ".opus": 3_000, ".webm": 3_000, ".mka": 3_000, ".amr": 1_500, ".gsm": 1_650,
}  # fmt: skip
_REPORT = ".report.json"
# A name with so many digits in a row may hold a phone number or a date: its outputs get an opaque name.
_DIGIT_RUN = re.compile(r"\d{5,}")
_OPAQUE = re.compile(r"call-[a-f0-9]{16}")


def stem(
    path: Path, kept: frozenset[tuple[str, ...]] = frozenset(), is_everyday: IsEveryday = never, sha256: str = ""
) -> str:
    """`NAME.redacted`, or an opaque name where the input's own may say something personal.

    Args:
        path: of the input.
        kept: values that were found in it. One word of a value is enough, if it is long and no everyday word.
        is_everyday: True for an everyday word.
        sha256: of the input, for the opaque name.
    """
    spoken = said(path.stem)
    telling = {word for value in kept for word in value if len(word) >= VALUE_CHARACTERS and not is_everyday(word)}
    told = telling.union("".join(value) for value in kept)
    personal = _DIGIT_RUN.search(spoken) or any(word in spoken for word in told)
    return opaque_stem(sha256) if personal else f"{path.stem}.redacted"


def opaque_stem(sha256: str) -> str:
    """`NAME.redacted` with a name that says nothing, for the input of that digest."""
    return f"{opaque(sha256)}.redacted"


def opaque(sha256: str) -> str:
    """A name for the input of that digest that says nothing."""
    return f"call-{sha256[:16]}"


def is_opaque(name: str) -> bool:
    """True for what `opaque` gives: a name that may stand in a log, whatever others may be called."""
    return _OPAQUE.fullmatch(name) is not None


def is_report(name: str) -> bool:
    """True for what `report_name` gives."""
    return name.endswith(_REPORT)


def report_name(stem: str) -> str:
    """Of the report on the outputs of that stem."""
    return stem.removesuffix(".redacted") + _REPORT


def all_names(stem: str, suffix: str, *, html: bool) -> tuple[str, ...]:
    """Of all outputs of that stem, where the sound keeps its suffix."""
    ends = (suffix.lower(), *TEXT_SUFFIXES, *((PAGE_SUFFIX,) if html else ()))
    return (*(stem + end for end in ends), report_name(stem))
