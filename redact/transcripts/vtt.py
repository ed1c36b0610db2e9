"""WebVTT subtitles (W3C Candidate Recommendation "WebVTT: The Web Video Text Tracks Format").

Of a file that is read, tags go but those that name a voice, and so do notes, style sheets, regions, and cues' names
that are no numbers. Times inside a cue are those of words, and stay but inside a masked run.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from redact.call import Transcript
from redact.transcripts import subtitles
from redact.transcripts.cues import cues, timing
from redact.transcripts.fields import Kind, Shape, Time, read_time, wrong
from redact.transcripts.subtitles import TIMING, without_blank_lines

_MAGIC = re.compile(r"^WEBVTT(?:[ \t].*)?$")
_MAP = re.compile(
    r"^X-TIMESTAMP-MAP=(?:LOCAL:([\d:.]+),MPEGTS:(0|[1-9]\d{0,9})|MPEGTS:(0|[1-9]\d{0,9}),LOCAL:([\d:.]+))$"
)
_TAG = re.compile(r"<(?:(?P<stamp>(?:\d{2,6}:)?\d{2}:\d{2}\.\d{3})|(?P<name>/?[A-Za-z][^\s<>.]*|/)(?P<rest>[^<>]*))>")
_SETTING = re.compile(
    r"^(?:vertical:(?P<vertical>rl|lr)|align:(?P<align>start|center|middle|end|left|right)"
    r"|(?P<key>line|position|size):(?P<at>-?\d{1,3}(?:\.\d{1,4})?%?)(?:,(?P<side>start|center|end|line-left|line-right))?)$"
)
_LONGEST_NUMBER = 4  # a longer one is a cue's number only where it counts the cues


def write(transcript: Transcript) -> str:
    """A transcript as WebVTT: one cue after the other by start, each with its speaker in a voice span.

    Returns:
        The whole file's text, with line feeds as line ends. An empty transcript gives a valid file without cues.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        text = escaped("\n".join(cue.lines))
        if cue.speaker:
            # The end tag may be left out, but some readers take a bare last line of digits for the next cue's number.
            text = f"<v {escaped(cue.speaker)}>{text}</v>"
        blocks.append(f"{timing(cue, point='.')}\n{text}\n")
    return "\n".join(blocks)


def escaped(text: str) -> str:
    """Cue text or a speaker's name without a character that WebVTT gives a meaning; so `-->` can't occur either."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _parse(text: str) -> dict[str, Any]:
    lines = subtitles.lines_of(text)
    if not _MAGIC.match(lines[0]):
        raise wrong((), "doesn't begin with WEBVTT")
    head_end = next((n for n, line in enumerate(lines) if not line or TIMING.match(line)), len(lines))
    return {
        "crlf": subtitles.has_crlf(text),
        "head": _head(lines[0], lines[1:head_end]),
        "cues": list(_blocks(lines[head_end:])),
    }


def _head(first: str, lines: Sequence[str]) -> dict[str, Any]:
    head: dict[str, Any] = {"title": first.removeprefix("WEBVTT").strip() or None}
    for line in lines:
        match = _MAP.match(line)
        if match:
            head |= {"local": match[1] or match[4], "mpegts": match[2] or match[3]}
        else:
            head.setdefault("lines", []).append(line)
    return head


def _blocks(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Cues, and what stands between them."""
    at = count = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        match = TIMING.match(lines[at])
        name = ""
        if match is None and at + 1 < len(lines) and (match := TIMING.match(lines[at + 1])):
            name, at = lines[at], at + 1
        end = next((n for n in range(at + 1, len(lines)) if not lines[n] or TIMING.match(lines[n])), len(lines))
        if match is None:
            if "-->" in lines[at] or (at + 1 < end and "-->" in lines[at + 1]):
                raise wrong(("cues", count), "has times that can't be read")
            yield {"note": "\n".join(lines[at:end])}
        else:
            count += 1
            yield _cue(match, name, "\n".join(lines[at + 1 : end]), count)
        at = end


def _cue(match: re.Match[str], name: str, payload: str, count: int) -> dict[str, Any]:
    cue: dict[str, Any] = {}
    if name:
        is_number = name.isascii() and name.isdigit() and (len(name) <= _LONGEST_NUMBER or name == str(count))
        cue["number" if is_number else "name"] = name
    cue |= subtitles.times(match, ("cues", count - 1))
    for setting in (match["settings"] or "").split():
        told = _SETTING.match(setting)
        if told is None:
            cue.setdefault("other_settings", []).append(setting)
        elif told["key"]:
            cue.setdefault("settings", {})[told["key"]] = {"at": told["at"], "side": told["side"]}
        else:
            cue.setdefault("settings", {}).update({k: told[k] for k in ("vertical", "align") if told[k]})
    cue["said"], tags = _said(payload, {"start": cue["start"], "end": cue["end"]})
    return {**cue, "tags": tags} if tags else cue


def _said(payload: str, cue: dict[str, str]) -> tuple[list[dict[str, Any]], list[str]]:
    """What a cue says, and its tags that go."""
    said: list[dict[str, Any]] = []
    tags: list[str] = []
    voice: str | None = None
    stamps: list[tuple[int, str]] = []
    text, at = "", 0
    last = read_time(cue["start"], subtitles.START, ()) or 0
    until = read_time(cue["end"], subtitles.END, ()) or 0

    def close() -> None:
        if voice:
            said.append({"form": "voice", "speaker": voice, **subtitles.spoken(text, stamps, cue)})
        elif text:
            said.extend(subtitles.pieces(text, stamps, cue))

    for tag in _TAG.finditer(payload):
        text += subtitles.unescaped(payload[at : tag.start()])
        at = tag.end()
        if tag["stamp"]:
            moment = read_time(tag["stamp"], subtitles.START, ()) or 0
            if last < moment < until:
                stamps.append((len(text), tag["stamp"]))
                last = moment
        elif tag["name"] in {"v", "/v"}:
            close()
            classes, _, name = tag["rest"].partition(" ") if tag["rest"].startswith(".") else ("", "", tag["rest"])
            voice = " ".join(subtitles.unescaped(name).split()) if tag["name"] == "v" else None
            tags += [classes] if classes else []
            text, stamps = "", []
        else:
            tags.append(tag[0])
            text += " " if tag["name"] in {"rt", "/rt"} else ""
    text += subtitles.unescaped(payload[at:])
    close()
    return said, tags


def _write_read(document: dict[str, Any]) -> str:
    """The file of a document that was read."""
    head = document["head"]
    timestamps = ""
    if head.get("local") and head.get("mpegts"):
        timestamps = f"X-TIMESTAMP-MAP=LOCAL:{head['local']},MPEGTS:{head['mpegts']}\n"
    blocks = [f"WEBVTT\n{timestamps}"]
    for cue in document["cues"]:
        said = (_spelled(piece, cue) for piece in cue.get("said", ()))
        payload = without_blank_lines("".join(said)).rstrip("\n")
        if payload.strip():
            number = f"{cue['number']}\n" if "number" in cue else ""
            times = f"{cue['start']} --> {cue['end']}{_settings(cue.get('settings', {}))}"
            blocks.append(f"{number}{times}\n{payload}\n")
    return subtitles.with_ends("\n".join(blocks), crlf=document["crlf"])


def _settings(settings: dict[str, Any]) -> str:
    told = []
    for key, value in settings.items():
        if isinstance(value, dict):
            told.append(f" {key}:{value['at']}" + (f",{value['side']}" if value.get("side") else ""))
        else:
            told.append(f" {key}:{value}")
    return "".join(told)


def _spelled(piece: dict[str, Any], cue: dict[str, Any]) -> str:
    text = escaped(piece.get("text", "")) + _with_stamps(piece.get("words", ()), cue)
    if piece.get("form") == "voice":
        return f"<v {escaped(piece['speaker'])}>{text}</v>"
    return "".join(escaped(piece.get(key, "")) for key in ("lead", "speaker", "colon")) + text


def _with_stamps(words: Sequence[dict[str, Any]], cue: dict[str, Any]) -> str:
    """Words with their times, but for those that don't lie behind the one before: a label's may not."""
    parts = []
    last = read_time(cue["start"], subtitles.START, ()) or 0
    for word in words:
        moment = read_time(word.get("start"), subtitles.START, ()) or 0
        space = word["text"][: len(word["text"]) - len(word["text"].lstrip())]
        is_later = bool(word["stamped"]) and moment > last
        parts.append(space + (f"<{word['start']}>" if is_later else "") + escaped(word["text"][len(space) :]))
        last = max(last, moment)
    return "".join(parts)


_AT: Shape = {"at": Kind.LAYOUT, "side": Kind.CODE}
FORMATS = (
    {
        "name": "vtt",
        "title": "WebVTT",
        "suffix": ".vtt",
        "shape": {
            "crlf": Kind.NUMBER,
            "head": {
                "title": Kind.DROP,
                "local": Time("start", "clock", shown=True),
                "mpegts": Kind.NUMBER,
                "lines": Kind.DROP,
            },
            "cues": [
                {
                    **subtitles.CUE,
                    "settings": {
                        "vertical": Kind.CODE,
                        "align": Kind.CODE,
                        **dict.fromkeys(("line", "position", "size"), _AT),
                    },
                }
            ],
        },
        "matches": lambda text: bool(_MAGIC.match(re.split(r"[\r\n]", text, maxsplit=1)[0])),
        "read": subtitles.read,
        "parse": _parse,
        "write": _write_read,
    },
)
