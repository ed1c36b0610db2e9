"""What a field of a transcript is: the words that shapes are written in.

A transcript that is data (JSON, or rows and cues put into the same form) has a *shape*: a dict for an object with its
known keys, a list of one shape for a list, and at the leaves one of the kinds below. The shape alone decides what
becomes of a field; a key that it doesn't name may say anything, and goes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from typing import Any, Literal, TypeAlias

from redact.errors import InputRejected

Path: TypeAlias = tuple[str | int, ...]


class Kind(Enum):
    """What a leaf holds."""

    NUMBER = auto()
    """A number, also one in a string, or true, false, null. Kept; anything else goes."""

    CONFIDENCE = auto()
    """The same: how sure the engine is of the word, 0 to 1 or to 100. A larger number goes."""

    CODE = auto()
    """One of few values that the vendor names: `COMPLETED`, `en-US`, `Travel>Rail`. Kept if it looks like one."""

    MOMENT = auto()
    """When the vendor did its work: `2026-11-25T07:33:47.120Z`. Kept if it is a date and a time; else it is hidden."""

    CHANNEL = auto()
    """The same, or a number: the channel's label."""

    ID = auto()
    """An opaque identifier, kept if it looks like one; else it is hidden, for a telephone number is an id to some."""

    WORD = auto()
    """What a word looks like. An object with one is a word."""

    FORM = auto()
    """The same word in another form, without capitals or marks. It may say nothing else."""

    ENTITY = auto()
    """What a label stands for, in a word that is one; a masked word gets it."""

    MARK = auto()
    """A punctuation mark that stands by itself and belongs to the word before."""

    TEXT = auto()
    """What was said, once more: its words are those of the object that it stands in, or of the one around it."""

    TRANSLATED = auto()
    """The same in another language: hidden where the words are, and searched by itself, but what is found in it stays
    there: which words it translates isn't known as exactly."""

    PROSE = auto()
    """What is told of the call: a summary, a headline, an entity. It is searched by itself."""

    SPEAKER = auto()
    """Who speaks, which may be a name."""

    LAYOUT = auto()
    """What stands between other things in a text: spaces, brackets, marks, a clock's time. It holds no letter."""

    HIDDEN = auto()
    """A string that may say anything and need not be known: a file's name, an address. It becomes `[REDACTED]`."""

    DROP = auto()
    """Whatever it is, it goes."""


@dataclass(frozen=True, slots=True)
class Time:
    """A leaf that tells a time.

    Attributes:
        edge: which; a duration is measured from the start of its object.
        unit: `s` and `ms`, as a number or a string, `s` also as a clock; `ticks` of 100 ns; `span` is `1.3s` or ISO
            8601's `PT1.3S`; `clock` is `00:01:02.345` of subtitles, with a comma or a point, hours if need be.
        shown: it tells when a cue is shown, not when a word was said: it stays, whatever is masked in the cue.
    """

    edge: Literal["start", "end", "duration"]
    unit: Literal["s", "ms", "ticks", "span", "clock"] = "s"
    shown: bool = False


@dataclass(frozen=True, slots=True)
class First:
    """A list of rivals, the likeliest first: all others go, for they say the same in other words."""

    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose keys are codes or UUIDs that the vendor chose, all of one shape.

    Attributes:
        shape: of each value.
        languages: True where the keys are codes of languages, which no name looks like.
        hidden: True where the keys may say anything, as names of files do: they are numbered.
    """

    shape: "Shape"
    languages: bool = False
    hidden: bool = False

    def has(self, key: Any) -> bool:
        """True for a key that may stay, or that is hidden."""
        if self.hidden:
            return True
        return bool(_LANGUAGE.match(key)) if self.languages else is_code(key) or is_id(key)


Shape: TypeAlias = Kind | Time | First | Named | Mapping[str, "Shape"] | list["Shape"]

_PER_MS = {"s": Decimal("0.001"), "ms": Decimal(1), "ticks": Decimal(10_000)}
_SPAN = re.compile(r"^(?P<iso>PT)?(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>-?\d+(?:\.\d+)?)[sS])?$")
_CLOCK = re.compile(r"^(-?)(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?$")
_LONGEST_MS = 2**53
_NUMERAL = re.compile(r"^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$")
_CODE = re.compile(r"^[A-Za-z][A-Za-z0-9_.+/&>-]{0,79}$")
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?$")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?$")
_ID = re.compile(
    r"^(?:[A-Za-z0-9]{0,12}[_-])?[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}$|^[A-Za-z0-9_.-]{1,24}$"
)
_DIGIT_RUN = re.compile(r"\d{5,}")
_CHANNEL = re.compile(r"\d{1,3}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SUREST = 100
_MOST_PLACES = 400  # more than any number that a float can be; Decimal can't reckon with all that a string can spell
TEXTS = frozenset({Kind.TEXT, Kind.TRANSLATED, Kind.PROSE})
"""Kinds of running text. All strings in an object or a list of that kind are of it too."""

MOST_CHANNELS = 64


def whole(text: str) -> str:
    """The text with U+FFFD for half characters (lone surrogates), which JSON can spell and no file can hold."""
    return _SURROGATE.sub("\ufffd", text)


def number(value: Any) -> Decimal | None:
    """A number, as one or as a string; None for anything else, and for what is not finite or as good as that."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMERAL.match(value):
        return None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() and abs(read.adjusted()) < _MOST_PLACES else None


def is_code(value: Any) -> bool:
    """True for a name out of few, and for nothing that could be anybody's."""
    return value is None or (isinstance(value, str) and (not value or bool(_CODE.match(value))) and not _digits(value))


def is_id(value: Any) -> bool:
    """True for null, a small number, a UUID, or a short code with fewer than five digits in a row."""
    if value is None or isinstance(value, bool):
        return True
    text = str(value)
    if isinstance(value, int | str) and _ID.match(text):
        return len(text) >= 32 or not _digits(text)
    return False


def is_moment(value: Any) -> bool:
    """True for a date with a time of day, and for null."""
    return value is None or (isinstance(value, str) and bool(_MOMENT.match(value)))


def is_layout(value: Any) -> bool:
    """True for a text without letters and without five digits in a row."""
    return isinstance(value, str) and not any(map(str.isalpha, value)) and not _digits(value)


def fits(kind: Kind, value: Any) -> bool:
    """True for a value that may stay in a field of a kind without text, because it looks like what it should be."""
    if isinstance(value, bool):
        return kind in (Kind.NUMBER, Kind.CONFIDENCE, Kind.CODE, Kind.CHANNEL, Kind.ID)
    told = number(value)
    if kind is Kind.CONFIDENCE:
        return told is not None and abs(told) <= _SUREST
    if kind is Kind.CHANNEL and told is not None:
        return is_id(value)
    if kind is Kind.HIDDEN:
        return bool(value == "")
    tests = {
        Kind.NUMBER: told is not None,
        Kind.CODE: is_code(value),
        Kind.CHANNEL: is_code(value),
        Kind.ENTITY: is_code(value),
        Kind.ID: is_id(value),
        Kind.MOMENT: is_moment(value),
        Kind.LAYOUT: is_layout(value),
    }
    return tests.get(kind, False)


def is_harmless(value: Any) -> bool:
    """True for a value of an unknown field that can hold nothing: null, true, false, a number of few digits."""
    if value is None or isinstance(value, bool) or value in ([], {}):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and not _digits(str(value))


def _digits(text: str) -> bool:
    return bool(_DIGIT_RUN.search(text))


def read_time(value: Any, time: Time, path: Path) -> int | None:
    """Milliseconds, rounded outward: a start down, all else up. A start before zero is zero.

    Raises:
        InputRejected: it is no time of its unit, or ends before the recording begins.
    """
    if value is None or value == "":
        return None
    exact = _exact_ms(value, time.unit)
    if exact is None or exact > _LONGEST_MS:
        raise wrong(path, "is not a time")
    if exact < 0 and time.edge != "start":
        raise wrong(path, "is a time before zero")
    rounding = "ROUND_FLOOR" if time.edge == "start" else "ROUND_CEILING"
    return max(0, int(exact.to_integral_value(rounding)))


def _exact_ms(value: Any, unit: str) -> Decimal | None:
    if unit == "clock" or (unit == "s" and isinstance(value, str) and ":" in value):
        match = _CLOCK.match(value.strip()) if isinstance(value, str) else None
        if not match:
            return None
        sign, hours, minutes, seconds, rest = match.groups()
        whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
        return Decimal(whole * 1000 + int((rest or "0").ljust(3, "0"))) * (-1 if sign else 1)
    if unit == "span" and isinstance(value, str):
        match = _SPAN.match(value)
        if not match or not any(match.group(part) for part in "hms"):
            return None
        hours, minutes, told = (Decimal(match[part] or 0) for part in "hms")
        return ((hours * 60 + minutes) * 60 + told) * 1000
    read = number(value)
    return None if read is None else read / _PER_MS[unit if unit in _PER_MS else "s"]


def write_time(time_ms: int, time: Time, like: Any) -> Any:
    """A time as its field has it: of the unit and the type of `like`."""
    if time.unit == "clock" or (time.unit == "s" and isinstance(like, str) and ":" in like):
        minutes, ms = divmod(time_ms, 60_000)
        point = "," if "," in str(like) else "."
        return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
    if time.unit == "span" and isinstance(like, str):
        seconds = f"{Decimal(time_ms) / 1000:f}"
        return f"PT{seconds}S" if like.startswith("PT") else f"{seconds}s"
    value = Decimal(time_ms) * _PER_MS[time.unit if time.unit in _PER_MS else "s"]
    if isinstance(like, str):
        return f"{value:f}"
    return int(value) if isinstance(like, int) or time.unit == "ticks" else float(value)


def times_only(shape: Shape | None) -> bool:
    """True for an object that holds nothing but times, such as `timestamp: {start, end}`: they are those around it."""
    return isinstance(shape, Mapping) and bool(shape) and all(isinstance(inner, Time) for inner in shape.values())


def place(path: Path) -> str:
    """A place in a document, as an error tells it. A key that looks like no code may be anybody's, and is hidden."""
    told = "".join(f"[{part}]" if isinstance(part, int) else f".{part if is_code(part) else '*'}" for part in path)
    return told.removeprefix(".") or "the file"


def wrong(path: Path, fault: str) -> InputRejected:
    """The error for a field that isn't what it should be."""
    return InputRejected(
        f"the transcript can't be read: {place(path)} {fault}",
        hint="check that the file is whole and unchanged; docs/formats.md tells what is read, --format names a format",
    )


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a document with its place and its shape.

    Attributes:
        value: None also for what isn't there.
        shape: None for a field that no shape names.
        path: from the root.
        kept: unknown fields that may stay, as prose: their keys from the root, lists passed over.
    """

    value: Any = field(repr=False)
    shape: Shape | None
    path: Path = ()
    kept: frozenset[tuple[str, ...]] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the path."""
        return tuple(part for part in self.path if isinstance(part, str))

    def at(self, *keys: str) -> "Node":
        """The node under these keys, one in the other.

        Raises:
            InputRejected: what should be an object isn't.
        """
        node = self
        for key in keys:
            if node.value is not None and not isinstance(node.value, dict):
                raise wrong(node.path, "is not an object")
            node = node.child(key, (node.value or {}).get(key))
        return node

    def each(self) -> Iterator["Node"]:
        """The nodes of a list; none where there is none. Of rivals only the likeliest.

        Raises:
            InputRejected: what should be a list isn't.
        """
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise wrong(self.path, "is not a list")
        for index, value in enumerate(self.value[:1] if isinstance(self.shape, First) else self.value):
            yield self.child(index, value)

    def child(self, key: str | int, value: Any) -> "Node":
        """The node of a value in this one."""
        shape: Shape | None = None
        if isinstance(self.shape, Kind) and self.shape in TEXTS:
            shape = self.shape
        elif isinstance(self.shape, First | Named):
            shape = self.shape.shape
        elif isinstance(self.shape, list):
            shape = self.shape[0]
        elif isinstance(self.shape, Mapping):
            shape = self.shape.get(str(key))
        if shape is None and isinstance(key, str) and (*self.names, key) in self.kept:
            shape = Kind.PROSE
        return Node(value, shape, (*self.path, key), self.kept)

    def children(self) -> Iterator["Node"]:
        """All nodes in this one."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield self.child(key, value)
        elif isinstance(self.value, list):
            yield from self.each()

    def leaves(self) -> Iterator["Node"]:
        """All leaves that the shape knows, in the order of the document."""
        if self.shape is None:
            return
        if isinstance(self.value, dict | list) and (not isinstance(self.shape, Kind) or self.shape in TEXTS):
            for node in self.children():
                yield from node.leaves()
        elif isinstance(self.shape, Kind | Time):
            yield self

    def text(self) -> str:
        """A string; empty where there is none. A number as it is written.

        Raises:
            InputRejected: what should be a string isn't.
        """
        if self.value is None:
            return ""
        if isinstance(self.value, dict | list | bool):
            raise wrong(self.path, "is not a text")
        return str(self.value)

    def channel(self) -> int:
        """A channel's number, also out of a label such as `ch_1`; 0 where there is none."""
        found = _CHANNEL.search(self.text())
        return min(int(found[0]), MOST_CHANNELS - 1) if found else 0

    def times(self) -> tuple[int | None, int | None]:
        """Start and end of an object in milliseconds and in order, by its own fields or by those of a `times_only` one.

        Raises:
            InputRejected: one is no time.
        """
        edges: dict[str, int | None] = {}
        for leaf in self._time_leaves():
            if isinstance(leaf.shape, Time) and edges.get(leaf.shape.edge) is None:
                edges[leaf.shape.edge] = read_time(leaf.value, leaf.shape, leaf.path)
        start, end, length = (edges.get(edge) for edge in ("start", "end", "duration"))
        if end is None and start is not None and length is not None:
            end = start + length
        if start is not None and end is not None and end < start:
            return end, start  # engines are known to swap them; wider is never wrong
        return start, end

    def _time_leaves(self) -> Iterator["Node"]:
        if isinstance(self.shape, Mapping) and isinstance(self.value, dict):
            for key, value in self.value.items():
                shape = self.shape.get(key)
                if isinstance(shape, Time):
                    yield self.child(key, value)
                elif times_only(shape):
                    yield from self.child(key, value)._time_leaves()
