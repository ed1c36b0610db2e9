"""Plain text, one line a turn: what a person opens first.

Lines that are read are `Speaker: text`, with a time before it (`[00:12.3] Agent: text`, `00:00:12 Agent: text`, or two
as in `[00:12.340 --> 00:15.000] text`) or after the speaker (`Agent (00:12): text`), if it is known. A line without a
speaker goes on with what the one before says.
"""

import re
from typing import Any

from redact.call import Transcript
from redact.transcripts.cues import displayed, speaker_name
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Time, read_time
from redact.transcripts.speakers import is_speaker

_NO_TIME = "--:--.-"
_LOOKED_AT = 200


def write(transcript: Transcript) -> str:
    """A transcript as lines `[00:12.3] Agent: text`, in the order of its turns.

    The time is the turn's start, rounded down to a tenth of a second: minutes and seconds, before them hours from the
    first hour on, and dashes for a turn without times. Nothing is wrapped. A turn without words has no line.

    Returns:
        The whole file's text, with line feeds as line ends; empty for a transcript without words.
    """
    lines = []
    for turn in transcript.turns:
        text = " ".join(filter(None, (displayed(word.text) for word in turn.words)))
        if text:
            speaker = speaker_name(turn)
            lead = f"{speaker}: " if speaker else ""
            lines.append(f"[{_time(turn.start_ms)}] {lead}{text}\n")
    return "".join(lines)


def _time(time_ms: int | None) -> str:
    """`MM:SS.t`, from one hour on `H:MM:SS.t`."""
    if time_ms is None:
        return _NO_TIME
    minutes, ms = divmod(max(time_ms, 0), 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02}:{ms // 1000:02}.{ms % 1000 // 100}"
    return f"{hours}:{clock}" if hours else clock


_CLOCK = r"\d{1,2}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,3})?"
_LINE = re.compile(
    rf"^(?P<lead>\s*\[?(?:{_CLOCK}|--:--\.-)(?:\s*(?:-->|[-–])\s*{_CLOCK})?\]?\s*)?"
    rf"(?:(?P<speaker>[^\W\d_][^:\[\]()]{{0,40}}?)(?P<colon>(?:\s*\({_CLOCK}\))?\s*:(?:\s+|$)))?(?P<text>.*)$"
)


def _parse(text: str) -> dict[str, Any]:
    return {"lines": [_line(line) for line in text.splitlines(keepends=True)]}


def _line(line: str) -> dict[str, str]:
    """Parts of a line in their order, so that all of them together are the line."""
    content = line.rstrip("\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
    match = _LINE.match(content)
    parts = {} if match is None else {key: match[key] or "" for key in ("lead", "speaker", "colon", "text")}
    if not parts:
        parts = {"text": content}
    elif parts["speaker"] and not is_speaker(parts["speaker"]):
        parts = {"lead": parts["lead"], "text": parts["speaker"] + parts["colon"] + parts["text"]}
    return {**parts, "end": line[len(content) :]}


def _matches(text: str) -> bool:
    """True for a dialogue: most of the first lines with a text have a speaker or a time."""
    lines = [parts for parts in map(_line, text.splitlines()[:_LOOKED_AT]) if parts["text"].strip()]
    return bool(lines) and 2 * sum(bool(line.get("speaker") or line.get("lead")) for line in lines) >= len(lines)


def _read(draft: Draft) -> None:
    for line in draft.root.at("lines").each():
        told = f"{line.at('lead').text()}{line.at('colon').text()}"
        clocks = re.findall(_CLOCK, told)
        speaker = line.at("speaker")
        if clocks or speaker.text():
            draft.turn(speaker.text())
        start = read_time(clocks[0], Time("start", "clock"), line.path) if clocks else None
        end = read_time(clocks[1], Time("end", "clock"), line.path) if len(clocks) > 1 else None
        draft.said(line.at("text"), (start, end if end is None or start is None else max(start, end)))


FORMATS = (
    {
        "name": "plain",
        "title": "text, `Speaker: …` a line",
        "suffix": ".txt",
        "shape": {
            "lines": [
                {
                    "lead": Kind.LAYOUT,
                    "speaker": Kind.SPEAKER,
                    "colon": Kind.LAYOUT,
                    "text": Kind.TEXT,
                    "end": Kind.LAYOUT,
                }
            ]
        },
        "matches": _matches,
        "read": _read,
        "parse": _parse,
        "write": lambda document: "".join("".join(line.values()) for line in document["lines"]),
    },
)
