"""Subtitles as documents: what WebVTT and SRT have in common.

A document has `cues`, each with its times and what is `said` in it, piece by piece: a piece is of one speaker, and its
text is as it would be shown, without tags and references. What is no cue (notes, style sheets) stands among them, and
goes. One speaker's neighbouring cues are one turn, for a card number takes several; each keeps its own times and text.
"""

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from redact.transcripts.cues import PAUSE_MS
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Node, Path, Shape, Time, read_time, write_time
from redact.transcripts.speakers import is_speaker

START = Time("start", "clock", shown=True)
END = Time("end", "clock", shown=True)
_PIECE: Shape = {
    "form": Kind.CODE,
    "lead": Kind.LAYOUT,
    "speaker": Kind.SPEAKER,
    "colon": Kind.LAYOUT,
    "text": Kind.TEXT,
    "words": [
        {"stamped": Kind.NUMBER, "start": Time("start", "clock"), "end": Time("end", "clock"), "text": Kind.WORD}
    ],
}
CUE: dict[str, Shape] = {
    "number": Kind.NUMBER,
    "name": Kind.DROP,
    "start": START,
    "end": END,
    "other_settings": Kind.DROP,
    "tags": Kind.DROP,
    "said": [_PIECE],
    "note": Kind.DROP,
}

_CLOCK = r"-?(?:\d{1,6}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?"
TIMING = re.compile(rf"^[^\S\n]*(?P<start>{_CLOCK})[^\S\n]*-->[^\S\n]*(?P<end>{_CLOCK})(?P<settings>[^\S\n].*)?$")
_PREFIX = re.compile(
    r"^(?P<lead>(?:[-–—]|[^\S\n])*)(?P<speaker>[^\W\d_][^:\[\]()\n]{0,40}?)(?P<colon>[^\S\n]*:(?:[^\S\n]+|$))",
    re.MULTILINE,
)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_TOKEN = re.compile(r"\s*\S+")


def lines_of(text: str) -> list[str]:
    """Lines of a file, whatever ends them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").split("\n")


def has_crlf(text: str) -> bool:
    """True where the first line ends as on Windows."""
    first = re.search(r"\r\n?|\n", text)
    return first is not None and first[0] == "\r\n"


def with_ends(text: str, *, crlf: bool) -> str:
    """The text with the line ends that its file had."""
    return text.replace("\n", "\r\n") if crlf else text


def unescaped(text: str) -> str:
    """Text with its character references resolved; one to a line break, which no cue needs, is a space."""
    return _REFERENCE.sub(lambda match: re.sub(r"[\r\n]", " ", unescape(match[0])), text)


def without_blank_lines(text: str) -> str:
    """The text of a cue, which a blank line would end."""
    return _BLANK_LINES.sub("\n", text).lstrip("\n")


def times(match: re.Match[str], path: Path) -> dict[str, str]:
    """A cue's times as written; put right where it starts before zero, or ends before it starts.

    Raises:
        InputRejected: it ends before zero.
    """
    start = read_time(match["start"], START, (*path, "start")) or 0
    end = read_time(match["end"], END, (*path, "end")) or 0
    if match["start"].startswith("-") or end < start:
        first, last = sorted((start, end))
        return {"start": write_time(first, START, match["start"]), "end": write_time(last, END, match["end"])}
    return {"start": match["start"], "end": match["end"]}


def pieces(text: str, stamps: Sequence[tuple[int, str]] = (), cue: dict[str, str] | None = None) -> Iterator[Any]:
    """Pieces of a text in which lines may begin with who speaks.

    Args:
        text: without tags.
        stamps: times inside it, each with the character that it stands before.
        cue: times of the cue, where there are stamps.
    """
    starts = [match for match in _PREFIX.finditer(text) if is_speaker(match["speaker"])]
    bounds = [*(match.start() for match in starts), len(text)]
    if bounds[0]:
        yield spoken(text[: bounds[0]], [stamp for stamp in stamps if stamp[0] < bounds[0]], cue)
    for match, end in zip(starts, bounds[1:], strict=True):
        first = match.end()
        within = [(at - first, clock) for at, clock in stamps if first <= at < end]
        yield {"form": "prefix", **match.groupdict(), **spoken(text[first:end], within, cue)}


def spoken(text: str, stamps: Sequence[tuple[int, str]] = (), cue: dict[str, str] | None = None) -> dict[str, Any]:
    """A piece's text; word by word where times stand inside it."""
    if not stamps or cue is None:
        return {"text": text}
    words: list[dict[str, Any]] = []
    told = dict(reversed(stamps))  # the first of those at one place
    for match in _TOKEN.finditer(text):
        first = match.end() - len(match[0].lstrip())
        at = next((told[place] for place in range(match.start(), first + 1) if place in told), None)
        words.append({"stamped": at is not None, **({"start": at} if at else {}), "text": match[0]})
    if words:
        words[0].setdefault("start", cue["start"])
        words[-1] |= {"end": cue["end"], "text": words[-1]["text"] + text[len(text.rstrip()) :]}
    return {"words": words}


def read(draft: Draft) -> None:
    """Make the turns."""
    ended: int | None = None
    goes_on = False
    for cue in draft.root.at("cues").each():
        start, end = cue.times()
        for piece in cue.at("said").each():
            text, words = piece.at("text"), list(piece.at("words").each())
            if not words and not text.text().strip():
                continue
            speaker = piece.at("speaker").text()
            if speaker.strip():
                draft.turn_of(speaker)
                goes_on = piece.at("form").text() == "prefix"
            elif not goes_on:
                _unnamed(draft, paused=ended is not None and start is not None and start - ended >= PAUSE_MS)
            ended = end
            _say(draft, text, words, (start, end))


def _unnamed(draft: Draft, *, paused: bool) -> None:
    """Nobody tells who speaks: a pause is all that may be heard of a change."""
    if paused:
        draft.turn()
    else:
        draft.turn_of()


def _say(draft: Draft, text: Node, words: Sequence[Node], edges: tuple[int | None, int | None]) -> None:
    for word in words:
        draft.word(word)
    if not words:
        draft.said(text, edges)
