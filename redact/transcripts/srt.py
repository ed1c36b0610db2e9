r"""SRT (SubRip) subtitles.

SRT has no standard and no way to escape. Players act on `<b>`, `{\an8}` and `\N` inside a text, and some readers take
every `-->` for a time line. So the five characters that may be given a meaning are written as their full-width
forms, which look alike and which Unicode's compatibility normalisation (NFKC) turns back.

Of a file that is read, such tags go, and so does what stands behind the times; cues are numbered anew.
"""

import re
from collections.abc import Sequence
from typing import Any

from redact.call import Transcript
from redact.transcripts import subtitles
from redact.transcripts.cues import cues, timing
from redact.transcripts.fields import Kind, wrong
from redact.transcripts.subtitles import TIMING, without_blank_lines

_LOOK_ALIKE = str.maketrans("<>{}\\", "\uff1c\uff1e\uff5b\uff5d\uff3c")
_TAG = re.compile(
    r"</?(?:b|i|u|s|font|c|v|span|em|strong)(?:[\s.][^<>]*)?/?>|\{\\[^{}]*\}|\{[A-Za-z]:[^{}]*\}", re.IGNORECASE
)
_LOOKED_AT = 1_000
_BREAK = re.compile(r"\\N|<br\s*/?>", re.IGNORECASE)


def write(transcript: Transcript) -> str:
    """A transcript as SRT: numbered cues by start, `Speaker: ` before the text of each.

    Returns:
        The whole file's text, with line feeds as line ends; empty for a transcript without words.
    """
    blocks = []
    for number, cue in enumerate(cues(transcript), start=1):
        lead = f"{cue.speaker}: " if cue.speaker else ""
        text = escaped(lead + "\n".join(cue.lines))
        blocks.append(f"{number}\n{timing(cue, point=',')}\n{text}\n")
    return "\n".join(blocks)


def escaped(text: str) -> str:
    """Cue text without a character that a player may give a meaning."""
    return text.translate(_LOOK_ALIKE)


def _parse(text: str) -> dict[str, Any]:
    lines = subtitles.lines_of(text)
    timed = [number for number, line in enumerate(lines) if TIMING.match(line)]
    if not timed:
        raise wrong((), "has no line of times")
    begins = [_begin(lines, at, count) for count, at in enumerate(timed, start=1)]
    before = "\n".join(lines[: begins[0]]).strip()
    found: list[dict[str, Any]] = [{"note": before}] if before else []
    for at, end in zip(timed, [*begins[1:], len(lines)], strict=True):
        found.append(_cue(lines[at], lines[at + 1 : end], len(found)))
    return {"crlf": subtitles.has_crlf(text), "cues": found}


def _matches(text: str) -> bool:
    """True where times stand in the first line, or near the beginning below a number."""
    lines = [line for line in subtitles.lines_of(text.lstrip()[:_LOOKED_AT]) if line.strip()]
    return any(TIMING.match(line) and (at == 0 or lines[at - 1].strip().isdigit()) for at, line in enumerate(lines))


def _begin(lines: Sequence[str], at: int, count: int) -> int:
    """The line that a cue begins with: its number, where one stands before its times."""
    is_number = at > 0 and lines[at - 1].strip().isdigit()
    stands_alone = at < 2 or not lines[at - 2].strip() or lines[at - 1].strip() == str(count)
    return at - 1 if is_number and stands_alone else at


def _cue(times: str, lines: Sequence[str], number: int) -> dict[str, Any]:
    match = TIMING.match(times)
    if match is None:
        raise wrong(("cues", number), "has times that can't be read")
    payload = "\n".join(lines).strip("\n")
    tags = [tag[0] for tag in _TAG.finditer(payload)]
    text = _BREAK.sub("\n", _TAG.sub("", payload)).replace("\\h", "\u00a0")
    return {
        **subtitles.times(match, ("cues", number)),
        "said": list(subtitles.pieces(subtitles.unescaped(text))),
        **({"tags": tags} if tags else {}),
        **({"other_settings": [match["settings"]]} if (match["settings"] or "").strip() else {}),
    }


def _write_read(document: dict[str, Any]) -> str:
    """The file of a document that was read."""
    blocks: list[str] = []
    for cue in document["cues"]:
        said = (
            "".join(piece.get(k, "") for k in ("lead", "speaker", "colon", "text")) for piece in cue.get("said", ())
        )
        payload = without_blank_lines("".join(said)).rstrip("\n")
        if payload.strip():
            blocks.append(f"{len(blocks) + 1}\n{cue['start']} --> {cue['end']}\n{escaped(payload)}\n")
    return subtitles.with_ends("\n".join(blocks), crlf=document["crlf"])


FORMATS = (
    {
        "name": "srt",
        "title": "SRT (SubRip)",
        "suffix": ".srt",
        "shape": {"crlf": Kind.NUMBER, "cues": [subtitles.CUE]},
        "matches": _matches,
        "read": subtitles.read,
        "parse": _parse,
        "write": _write_read,
    },
)
