"""WebVTT and SRT, read and written back: cues with their own times, whoever speaks in them.

A cue keeps its number, its times and its settings; tags go, but for the voice, which tells who speaks. Notes, styles
and regions go too. The cues of one speaker that follow each other are one turn, for a number may go over several.
"""

import html
import re
from typing import Any

from redact.errors import InputRejected
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Shape, Time
from redact.transcripts.plain import is_speaker

_CLOCK = r"(?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3}"
_TIMING = re.compile(rf"^\s*(?P<start>{_CLOCK})\s*-->\s*(?P<end>{_CLOCK})(?P<settings>.*)$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?(?:\s+(?P<name>[^>]*))?>")
_TAG = re.compile(r"</?[^<>\n]*>|\{\\[^{}\n]*\}")
_PREFIX = re.compile(r"^(?P<speaker>[^\W\d_][^:\[\]()<>\n]{0,40}?)(?P<colon>\s*:\s+)(?P<text>.*)$", re.DOTALL)
_BLOCKS = re.compile(r"\n[ \t]*\n+")
_SETTINGS = re.compile(r"^(?:\s+(?:align|line|position|size|vertical):[\w.,%-]+)*\s*$")

_VOICED: Shape = {
    "voice": Kind.NUMBER,
    "speaker": Kind.SPEAKER,
    "colon": Kind.LAYOUT,
    "text": Kind.TEXT,
}
_SHAPE: Shape = {
    "cues": [
        {
            "id": Kind.NUMBER,
            "start": Time("start", "clock"),
            "end": Time("end", "clock"),
            "settings": [Kind.CODE],
            "voices": [_VOICED],
        }
    ],
}


def _parse(text: str, *, vtt: bool) -> dict[str, Any]:
    """Cues of a file; each has one or more stretches of text, by who speaks.

    Raises:
        InputRejected: a block that should be a cue has no times.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    blocks = [block for block in _BLOCKS.split(plain.strip("\n")) if block.strip()]
    document: dict[str, Any] = {"cues": []}
    if vtt:
        blocks = blocks[1:] if "-->" not in blocks[0] else [blocks[0].split("\n", 1)[1], *blocks[1:]]
    for number, block in enumerate(blocks, start=1):
        lines = block.split("\n")
        at = next((at for at, line in enumerate(lines[:2]) if _TIMING.match(line)), None)
        if at is not None:
            document["cues"].append(_cue(lines, at, vtt=vtt))
        elif "-->" in block and not re.match(r"NOTE|STYLE|REGION", block):
            raise InputRejected(
                f"the subtitles can't be read: block {number} has no valid times", hint="check that the file is whole"
            )
        else:
            document.setdefault("notes", []).append(block)
    return document


def _cue(lines: list[str], at: int, *, vtt: bool) -> dict[str, Any]:
    timing = _TIMING.match(lines[at])
    assert timing is not None  # noqa: S101 - it was looked for just now
    cue: dict[str, Any] = {"id": lines[0].strip()} if at else {}
    cue |= {"start": timing["start"], "end": timing["end"]}
    if vtt and _SETTINGS.match(timing["settings"]):
        cue["settings"] = timing["settings"].split()
    content = "\n".join(lines[at + 1 :])
    cue["voices"] = [_voiced(part, name, vtt=vtt) for name, part in _by_voice(content)]
    return cue


def _by_voice(content: str) -> list[tuple[str | None, str]]:
    """Who speaks by the voice tags, None where none stands, and what."""
    parts = _VOICE.split(content)
    before = [(None, parts[0])] if parts[0].strip() or len(parts) == 1 else []
    voices = [(name or "", text) for name, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [*before, *voices]


def _voiced(content: str, name: str | None, *, vtt: bool) -> dict[str, Any]:
    text = _TAG.sub("", content)
    text = html.unescape(text) if vtt else text
    if name is not None:
        return {"voice": True, "speaker": html.unescape(name).strip(), "text": text}
    prefix = _PREFIX.match(text)
    if prefix and is_speaker(prefix["speaker"]):
        return {"voice": False, "speaker": prefix["speaker"], "colon": prefix["colon"], "text": prefix["text"]}
    return {"voice": False, "text": text}


def _read(draft: Draft) -> None:
    speaker: str | None = None
    for cue in draft.root.at("cues").each():
        voices = list(cue.at("voices").each())
        for position, voice in enumerate(voices):
            named = voice.at("speaker")
            if named.value is not None and named.text() != speaker:
                speaker = named.text()
                draft.turn(speaker)
            start, end = cue.times()
            last = position == len(voices) - 1
            draft.said(voice.at("text"), (start if position == 0 else None, end if last else None))


def _write(document: dict[str, Any], *, vtt: bool) -> str:
    blocks = ["WEBVTT\n"] if vtt else []
    for number, cue in enumerate(document["cues"], start=1):
        settings = "".join(f" {setting}" for setting in cue.get("settings", ()))
        head = f"{cue['id']}\n" if cue.get("id") else "" if vtt else f"{number}\n"
        text = "".join(_spoken(voice, vtt=vtt) for voice in cue["voices"])
        lines = "\n".join(line for line in text.split("\n") if line.strip())
        blocks.append(f"{head}{cue['start']} --> {cue['end']}{settings}\n{lines}\n")
    return "\n".join(blocks).encode("utf-8", "replace").decode()


def _spoken(voice: dict[str, Any], *, vtt: bool) -> str:
    text = html.escape(voice["text"], quote=False) if vtt else voice["text"].replace("-->", "->")
    if voice.get("voice"):
        return f"<v {html.escape(voice['speaker'], quote=False)}>{text}" if voice["speaker"] else f"<v>{text}"
    return f"{voice['speaker']}{voice['colon']}{text}" if voice.get("speaker") else text


def _is_vtt(text: str) -> bool:
    return bool(re.match(r"WEBVTT(?:[ \t].*)?(?:\r?\n|$)", text))


def _is_srt(text: str) -> bool:
    lines = [line for line in text.split("\n", 12)[:12] if line.strip()]
    return bool(lines) and any(map(_TIMING.match, lines[:2]))


FORMATS = tuple(
    {
        "name": name,
        "title": title,
        "suffix": f".{name}",
        "shape": _SHAPE,
        "matches": matches,
        "read": _read,
        "parse": lambda text, vtt=name == "vtt": _parse(text, vtt=vtt),
        "write": lambda document, vtt=name == "vtt": _write(document, vtt=vtt),
    }
    for name, title, matches in (("vtt", "WebVTT", _is_vtt), ("srt", "SRT", _is_srt))
)
