"""Writes a redacted call as one HTML page: waveform, transcript, player and figures, in one file that loads nothing.

The page is made from the redacted sound, the redacted transcript and the report. Its script and its style are allowed
by their hash alone, and its policy forbids all that is loaded from elsewhere. Words of a call are hostile text: every
text passes through `escaped`. It can be read without a script, with the browser's own player.

The same call gives the same bytes: the report's timings are left out.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from redact.audio.listening import LightCopy
from redact.call import Transcript, Turn, Word
from redact.page import waveform
from redact.page.content import Page, clock, escaped, kinds_of, labels, length
from redact.text import RedactedTranscript
from redact.transcripts.cues import speaker_name

_HERE = Path(__file__).resolve().parent
_CHUNK = 3 << 16  # bytes of sound written at a time; of three bytes base64 makes four characters
_SPEEDS = ("0.5", "0.75", "1", "1.25", "1.5", "2")


def write(copy: LightCopy, redacted: RedactedTranscript, report: Mapping[str, Any], name: str, out: BinaryIO) -> None:
    """Write the page.

    Args:
        copy: of the redacted sound.
        redacted: the transcript as it is published.
        report: as `redact.report.build` makes it.
        name: of the call, as its outputs bear it.
        out: written from its current position on.
    """
    say = labels(redacted.transcript.language)
    page = Page(copy, redacted, report, name, say, kinds_of(redacted, report, say["types"]))
    style, script = (_HERE / "page.css").read_text("utf-8"), (_HERE / "page.js").read_text("utf-8")
    out.writelines(part.encode() for part in (_head(page, style, script), *_body(page)))
    if copy.mp3:
        out.write(b'<audio id="sound" controls preload="none" src="data:audio/mpeg;base64,')
        out.writelines(base64.b64encode(copy.mp3[at : at + _CHUNK]) for at in range(0, len(copy.mp3), _CHUNK))
        out.write(b'"></audio>\n')
    out.write(f"<script>{script}</script>\n</body>\n</html>\n".encode())


def _hash(content: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def _head(page: Page, style: str, script: str) -> str:
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; media-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="{page.say["code"]}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{escaped(page.name)} · {escaped(page.say["kicker"])}</title>
<style>{style}</style>
</head>
<body>
"""


def _body(page: Page) -> Iterator[str]:
    yield f'<a class="skip" href="#transcript">{escaped(page.say["skip"])}</a>\n'
    yield _figures(page)
    yield "<main>\n"
    yield _player(page)
    yield waveform.legend(page)
    yield '<div class="columns">\n'
    yield from _transcript(page)
    yield from _details(page)
    yield f"</div>\n</main>\n<footer><p>{escaped(page.say['caution'])}</p></footer>\n"


def _figures(page: Page) -> str:
    """The report at a glance."""
    say, report = page.say, page.report
    percent = f"{100 * report['masked_ms'] / page.duration_ms:.0f}"
    checks = report["checks"]
    passed = sum(check["passed"] for check in checks)
    language = say["languages"].get(report["language"], report["language"])
    figures = (
        (say["duration"], length(page)),
        (say["masked"], say["share"].format(seconds=page.seconds(report["masked_ms"]), percent=percent)),
        (say["replaced"], str(sum(report["replacements"].values()))),
        (say["checks"], say["of"].format(passed, len(checks))),
        (say["language"], language),
    )
    listed = "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in figures)
    return f"<header>\n<p>{escaped(say['kicker'])}</p>\n<h1>{escaped(page.name)}</h1>\n<dl>{listed}</dl>\n</header>\n"


def _player(page: Page) -> str:
    say, copy = page.say, page.copy
    position, hint, mixed = escaped(say["position"]), "", ""
    if copy.mp3:
        hint = f'<span class="keys">{escaped(say["hint"])}</span>'
        mixed = escaped(say["mixed"].format(count=len(copy.peaks))) if copy.mixed else ""
    return (
        f'<section id="player" aria-label="{escaped(say["player"])}">\n{_transport(page)}'
        f'<div class="tracks"><div id="position" data-ms="{page.duration_ms}" aria-label="{position}">\n'
        f'{waveform.picture(page)}<div id="head"></div></div></div>\n'
        f'<p class="hint">{hint} {mixed}</p>\n</section>\n'
    )


def _transport(page: Page) -> str:
    """What starts, stops and paces the sound; without sound, why there is none."""
    say = page.say
    if not page.copy.mp3:
        return f'<div class="silent"><p>{escaped(say["no_sound"])}</p><p id="told"></p></div>\n'
    play, pause = escaped(say["play"]), escaped(say["pause"])
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed.replace(".", say["decimal"])}×</option>'
        for speed in _SPEEDS
    )
    return (
        f'<div class="transport"><button id="play" type="button" data-play="{play}" data-pause="{pause}" '
        f'aria-label="{play}"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="on" d="M7 4v16l13-8z"/>'
        '<path class="off" d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg></button>'
        f'<p class="time"><span id="now">0:00</span> / {length(page)}</p><p id="told"></p>'
        f'<label>{escaped(say["speed"])} <select id="speed">{speeds}</select></label>'
        f'<label><input id="follow" type="checkbox" checked> {escaped(say["follow"])}</label></div>\n'
    )


def _transcript(page: Page) -> Iterator[str]:
    transcript = page.redacted.transcript
    yield f'<section id="transcript" tabindex="-1"><h2>{escaped(page.say["transcript"])}</h2>\n'
    if not transcript.words:
        yield f"<p>{escaped(page.say['nothing_said'])}</p>\n"
    yield f'<ol id="turns" lang="{escaped(transcript.language)}">\n'
    for turn, indices in transcript.turn_ranges():
        words = [_word(page, word, page.redacted.entities.get(i)) for i, word in zip(indices, turn.words, strict=True)]
        said = " ".join(filter(None, words))
        if said:
            yield f'<li class="c{turn.channel % 2}">{_lead(page, turn)}<p dir="auto">{said}</p></li>\n'
    yield "</ol>\n</section>\n"


def _lead(page: Page, turn: Turn) -> str:
    """When a turn begins, to play it from there, and who speaks."""
    speaker = page.say["speakers"].get(turn.speaker) or speaker_name(turn)
    return f'{_moment(page, turn.start_ms)}<span class="speaker"><bdi>{escaped(speaker)}</bdi></span>'


def _moment(page: Page, ms: int | None) -> str:
    """A time that can be pressed."""
    if ms is None:
        return '<span class="moment">–</span>'
    told = page.say["from_here"].format(clock(ms))
    return f'<button class="moment" type="button" data-ms="{ms}" aria-label="{escaped(told)}">{clock(ms)}</button>'


def _word(page: Page, word: Word, entity_type: str | None) -> str:
    text = escaped(word.text)
    if not text:
        return ""
    times = "" if word.start_ms is None or word.end_ms is None else f' data-s="{word.start_ms}" data-e="{word.end_ms}"'
    if entity_type is None:
        return f"<span{times}>{text}</span>"
    kind = page.kinds[entity_type]
    return f'<mark class="f-{kind.family}"{times} title="{escaped(kind.name)}">{text}</mark>'


def _details(page: Page) -> Iterator[str]:
    say, report = page.say, page.report
    yield f'<aside><h2>{escaped(say["details"])}</h2>\n<h3>{escaped(say["checked"])}</h3>\n<ul class="checks">'
    for check in report["checks"]:
        name = say["check_names"].get(check["name"], check["name"])
        mark, told = ("✓", say["passed"]) if check["passed"] else ("✗", say["failed"])
        yield f'<li><span role="img" aria-label="{escaped(told)}">{mark}</span>{escaped(name)}</li>'
    yield f"</ul>\n<h3>{escaped(say['doubts'])}</h3>\n{_doubts(page, page.redacted.transcript)}"
    rows = [(i["start_ms"], i["end_ms"], page.kind_names(types)) for i, types in page.stretches()]
    yield _table(page, say["stretches"], rows)
    facts = [
        (say["policy"], report["policy"]["name"], report["policy"]["sha256"]),
        *((say["model"], name, digest) for name, digest in sorted(report["models"].items())),
        (say["source"], f"{report['input']['container']}, {report['input']['codec']}", report["input"]["sha256"]),
        *((say["output"], suffix, digest) for suffix, digest in report["outputs"].items()),
        *((say["note"], note, "") for note in report["notes"]),
        (say["version"], f"redact {report['redact_version']}", ""),
    ]
    listed = "".join(
        f"<dt>{escaped(n)}</dt><dd>{escaped(v)} <code>{escaped(digest)}</code></dd>" for n, v, digest in facts
    )
    yield f"<details><summary>{escaped(say['provenance'])}</summary><dl>{listed}</dl></details>\n</aside>\n"


def _doubts(page: Page, transcript: Transcript) -> str:
    say = page.say
    if not transcript.doubts:
        return f"<p>{escaped(say['nothing_doubted'])}</p>\n"
    rows = [(d.where.start_ms, d.where.end_ms, say["doubt_names"].get(d.reason, d.reason)) for d in transcript.doubts]
    counts = ", ".join(f"{n} × {say['doubt_names'].get(r, r)}" for r, n in page.report["doubts"].items())
    return f"<p>{escaped(say['doubts_told'])}</p>\n{_table(page, counts, rows)}"


def _table(page: Page, title: str, rows: Sequence[tuple[int, int, str]]) -> str:
    """Stretches of the call, folded away."""
    say = page.say
    cells = "".join(
        f"<tr><td>{_moment(page, start)}</td><td>{clock(end)}</td><td>{escaped(what)}</td></tr>"
        for start, end, what in rows
    )
    heads = "".join(f'<th scope="col">{escaped(say[key])}</th>' for key in ("start", "end", "kind"))
    return (
        f"<details><summary>{escaped(title)}</summary><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{cells}</tbody></table></details>\n"
    )
