"""Writes a redacted call as one HTML page: waveform, transcript, player and figures, in one file that loads nothing.

The page is made from the redacted sound, the redacted transcript and the report. Its script and its style are allowed by
their hash alone, and its policy forbids all that is loaded from elsewhere. Words of a call are hostile text: every text
passes through `_e`. It can be read without a script, with the browser's own player.

The same call gives the same bytes: the report's timings are left out.
"""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml

from redact.audio.listening import LightCopy
from redact.call import Transcript, Turn, Word
from redact.text import RedactedTranscript
from redact.transcripts.cues import displayed, speaker_name

_HERE = Path(__file__).resolve().parent
_OTHER_LANGUAGE = "en"
_CHUNK = 3 << 16  # bytes of sound written at a time; of three bytes base64 makes four characters
_HEIGHT = 100  # units from the axis of a waveform to its top
_LOUD = 0.99  # of the peaks lie within the height: one click doesn't flatten all the rest
_QUIETEST = 0.02  # of full scale: sound that never gets louder is not blown up to the full height
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200)  # between two times on the axis
_MOST_TIMES = 10  # on the axis
# Six patterns, each drawn in a square of 8 by 8: what tells two types apart where colours don't.
_PATTERNS = (
    '<path d="M-2 2l4-4M0 8l8-8M6 10l4-4"/>',
    '<path d="M-2 6l4 4M0 0l8 8M6-2l4 4"/>',
    '<circle cx="2" cy="2" r=".9"/><circle cx="6" cy="6" r=".9"/>',
    '<path d="M2 0v8M6 0v8"/>',
    '<path d="M0 2h8M0 6h8"/>',
    '<path d="M0 0l8 8M0 8l8-8"/>',
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One entity type of the call: its family (and so its colour), its pattern, and how it is called."""

    family: str
    pattern: int
    name: str


@dataclass(frozen=True, slots=True)
class _Page:
    """What the parts of a page have in common."""

    copy: LightCopy
    redacted: RedactedTranscript
    report: Mapping[str, Any]
    name: str
    say: Mapping[str, Any]
    kinds: Mapping[str, _Kind]

    @property
    def duration_ms(self) -> int:
        return max(1, int(self.report["input"]["duration_ms"]))

    def seconds(self, ms: int) -> str:
        return f"{ms / 1000:.1f}".replace(".", self.say["decimal"]) + " s"

    def at(self, ms: float) -> str:
        """A moment's place from left to right."""
        return f"{min(100.0, 100 * ms / self.duration_ms):.3f}%"

    def kind_names(self, types: Sequence[str]) -> str:
        return ", ".join(self.kinds[entity_type].name for entity_type in types)

    def stretches(self) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
        """The masked intervals, each with its types in the order of the legend."""
        for interval in self.report["intervals"]:
            yield interval, [entity_type for entity_type in self.kinds if entity_type in interval["entity_types"]]


def write(copy: LightCopy, redacted: RedactedTranscript, report: Mapping[str, Any], name: str, out: BinaryIO) -> None:
    """Write the page.

    Args:
        copy: of the redacted sound.
        redacted: the transcript as it is published.
        report: as `redact.report.build` makes it.
        name: of the call, as its outputs bear it.
        out: written from its current position on.
    """
    say = _labels(redacted.transcript.language)
    page = _Page(copy, redacted, report, name, say, _kinds(redacted, report, say["types"]))
    style, script = (_HERE / "page.css").read_text("utf-8"), (_HERE / "page.js").read_text("utf-8")
    for part in (_head(page, style, script), *_body(page)):
        out.write(part.encode())
    if copy.mp3:
        out.write(b'<audio id="sound" controls preload="none" src="data:audio/mpeg;base64,')
        for at in range(0, len(copy.mp3), _CHUNK):
            out.write(base64.b64encode(copy.mp3[at : at + _CHUNK]))
        out.write(b'"></audio>\n')
    out.write(f"<script>{script}</script>\n</body>\n</html>\n".encode())


@cache
def _words() -> Mapping[str, Any]:
    words: Mapping[str, Any] = yaml.safe_load((_HERE / "labels.yaml").read_text("utf-8"))
    return words


def _labels(language: str) -> Mapping[str, Any]:
    labels: Mapping[str, Any] = _words().get(language, _words()[_OTHER_LANGUAGE])
    return {**labels, "code": language if language in _words() else _OTHER_LANGUAGE}


def _kinds(redacted: RedactedTranscript, report: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, _Kind]:
    """The call's entity types, family by family. Types of one family share a colour, never a pattern."""
    types = {*redacted.entities.values(), *report["replacements"]}
    types |= {entity_type for interval in report["intervals"] for entity_type in interval["entity_types"]}
    result: dict[str, _Kind] = {}
    for first, (family, known) in enumerate(_words()["families"].items()):
        rest = family == "other"
        own = sorted(types - set(result)) if rest else [entity_type for entity_type in known if entity_type in types]
        for number, entity_type in enumerate(own, start=first):
            name = names.get(entity_type) or entity_type.replace("_", " ").capitalize()
            result[entity_type] = _Kind(family, number % len(_PATTERNS), name)
    return result


def _e(text: str) -> str:
    """Text for the page, within an element or an attribute: nothing in it is markup, or turns the reading direction."""
    return html.escape(displayed(text), quote=True)


def _clock(ms: int) -> str:
    """`M:SS`, from one hour on `H:MM:SS`; rounded down."""
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _length(page: _Page) -> str:
    """The call's duration, to the nearest second."""
    return _clock(page.duration_ms + 500)


def _hash(content: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def _head(page: _Page, style: str, script: str) -> str:
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
<title>{_e(page.name)} · {_e(page.say["kicker"])}</title>
<style>{style}</style>
</head>
<body>
"""


def _body(page: _Page) -> Iterator[str]:
    yield f'<a class="skip" href="#transcript">{_e(page.say["skip"])}</a>\n'
    yield _figures(page)
    yield "<main>\n"
    yield from _player(page)
    yield _legend(page)
    yield '<div class="columns">\n'
    yield from _transcript(page)
    yield from _details(page)
    yield f"</div>\n</main>\n<footer><p>{_e(page.say['caution'])}</p></footer>\n"


def _figures(page: _Page) -> str:
    """The report at a glance."""
    say, report = page.say, page.report
    percent = f"{100 * report['masked_ms'] / page.duration_ms:.0f}"
    checks = report["checks"]
    passed = sum(check["passed"] for check in checks)
    language = say["languages"].get(report["language"], report["language"])
    figures = (
        (say["duration"], _length(page)),
        (say["masked"], say["share"].format(seconds=page.seconds(report["masked_ms"]), percent=percent)),
        (say["replaced"], str(sum(report["replacements"].values()))),
        (say["checks"], say["of"].format(passed, len(checks))),
        (say["language"], language),
    )
    listed = "".join(f"<div><dt>{_e(name)}</dt><dd>{_e(value)}</dd></div>" for name, value in figures)
    return f"<header>\n<p>{_e(say['kicker'])}</p>\n<h1>{_e(page.name)}</h1>\n<dl>{listed}</dl>\n</header>\n"


def _player(page: _Page) -> Iterator[str]:
    say = page.say
    yield f'<section id="player" aria-label="{_e(say["player"])}">\n'
    yield '<svg class="patterns" aria-hidden="true"><defs>'
    for number, kind in enumerate(page.kinds.values()):
        yield (
            f'<pattern id="p{number}" class="f-{kind.family}" width="8" height="8" patternUnits="userSpaceOnUse">'
            f'<rect class="under" width="8" height="8"/><rect class="tint" width="8" height="8"/><g class="ink">{_PATTERNS[kind.pattern]}</g></pattern>'
        )
    yield "</defs></svg>\n"
    if page.copy.mp3:
        speeds = "".join(
            f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed.replace(".", say["decimal"])}×</option>'
            for speed in ("0.5", "0.75", "1", "1.25", "1.5", "2")
        )
        yield (
            f'<div class="transport"><button id="play" type="button" data-play="{_e(say["play"])}" '
            f'data-pause="{_e(say["pause"])}" aria-label="{_e(say["play"])}"><svg viewBox="0 0 24 24" aria-hidden="true">'
            '<path class="on" d="M7 4v16l13-8z"/><path class="off" d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg></button>'
            f'<p class="time"><span id="now">0:00</span> / {_length(page)}</p><p id="told"></p>'
            f'<label>{_e(say["speed"])} <select id="speed">{speeds}</select></label>'
            f'<label><input id="follow" type="checkbox" checked> {_e(say["follow"])}</label></div>\n'
        )
    else:
        yield f'<div class="silent"><p>{_e(say["no_sound"])}</p><p id="told"></p></div>\n'
    yield f'<div class="tracks"><div id="position" data-ms="{page.duration_ms}" aria-label="{_e(say["position"])}">\n'
    yield _lane(page)
    peaks = page.copy.peaks
    scale = max(float(np.quantile(np.abs(peaks), _LOUD)) if peaks.size else 0.0, _QUIETEST)
    for channel in range(len(page.copy.peaks)):
        yield _track(page, channel, scale)
    yield f'{_axis(page)}<div id="head"></div></div></div>\n'
    if page.copy.mp3:
        mixed = say["mixed"].format(count=len(page.copy.peaks)) if page.copy.mixed else ""
        yield f'<p class="hint"><span class="keys">{_e(say["hint"])}</span> {_e(mixed)}</p>\n'
    yield "</section>\n"


def _lane(page: _Page) -> str:
    """The masked stretches with their names, above the channels."""
    marks = []
    for interval, types in page.stretches():
        start, end = interval["start_ms"], interval["end_ms"]
        names = page.kind_names(types)
        told = f"{_clock(start)} – {_clock(end)} · {names} · {page.seconds(end - start)}"
        family = page.kinds[types[0]].family
        marks.append(
            f'<svg class="mark f-{family}" x="{page.at(start)}" width="{page.at(end - start)}" height="22" data-s="{start}" '
            f'data-e="{end}" data-told="{_e(told)}"><rect width="100%" height="22"/><text x="5" y="15.5">{_e(names)}</text>'
            f"<title>{_e(told)}</title></svg>"
        )
    return f'<svg class="lane" role="img" aria-label="{_e(page.say["waveform"])}">{"".join(marks)}</svg>\n'


def _track(page: _Page, channel: int, scale: float) -> str:
    """One channel: its waveform, and over it its masked stretches, in bands where they hold several types."""
    numbers = {entity_type: number for number, entity_type in enumerate(page.kinds)}
    masks = []
    for interval, types in page.stretches():
        if channel not in interval["channels"]:
            continue
        masks += [
            f'<rect x="{page.at(interval["start_ms"])}" width="{page.at(interval["end_ms"] - interval["start_ms"])}" '
            f'y="{100 * band / len(types):.1f}%" height="{100 / len(types):.1f}%" fill="url(#p{numbers[entity_type]})"/>'
            for band, entity_type in enumerate(types)
        ]
    rows = np.clip(np.rint(page.copy.peaks[channel] / scale * _HEIGHT), -_HEIGHT, _HEIGHT).astype(int).tolist()
    top = " ".join(f"{x} {min(-high, -1)}" for x, (_, high) in enumerate(rows))
    bottom = " ".join(f"{x} {max(-low, 1)}" for x, (low, _) in reversed(list(enumerate(rows))))
    shape = f'<path d="M{top}L{bottom}z"/>' if rows else ""
    return (
        f'<div class="track c{channel % 2}"><p>{_e(_channel_name(page, channel))}</p><svg class="wave" aria-hidden="true">'
        f'<svg viewBox="0 {-_HEIGHT} {max(len(rows) - 1, 1)} {2 * _HEIGHT}" preserveAspectRatio="none">{shape}</svg>'
        f"{''.join(masks)}</svg></div>\n"
    )


def _channel_name(page: _Page, channel: int) -> str:
    roles = page.report["input"]["channels"]
    role = roles[channel] if channel < len(roles) else ""
    name: str = page.say["speakers"].get(role, "")
    return name if name and roles.count(role) == 1 else page.say["channel"].format(channel + 1)


def _axis(page: _Page) -> str:
    wanted = page.duration_ms / 1000 / _MOST_TIMES
    step = next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1]) * 1000
    times = "".join(
        f'<text x="{page.at(ms)}" y="13">{_clock(ms)}</text>' for ms in range(0, page.duration_ms - step // 3, step)
    )
    return f'<svg class="axis" aria-hidden="true">{times}</svg>'


def _legend(page: _Page) -> str:
    say, counts = page.say, page.report["replacements"]
    items = []
    for number, (entity_type, kind) in enumerate(page.kinds.items()):
        masked = sum(i["end_ms"] - i["start_ms"] for i in page.report["intervals"] if entity_type in i["entity_types"])
        count = f"{counts[entity_type]} {say['times']}" if entity_type in counts else ""
        figure = " · ".join(filter(None, (count, page.seconds(masked) if masked else "")))
        items.append(
            f'<li class="f-{kind.family}"><svg aria-hidden="true"><rect width="100%" height="100%" fill="url(#p{number})"/></svg>'
            f"{_e(kind.name)} <span>{_e(figure)}</span></li>"
        )
    listed = f"<ul>{''.join(items)}</ul>" if items else f"<p>{_e(say['nothing_masked'])}</p>"
    return f'<section class="legend"><h2>{_e(say["legend"])}</h2>{listed}</section>\n'


def _transcript(page: _Page) -> Iterator[str]:
    transcript = page.redacted.transcript
    yield f'<section id="transcript" tabindex="-1"><h2>{_e(page.say["transcript"])}</h2>\n'
    if not transcript.words:
        yield f"<p>{_e(page.say['nothing_said'])}</p>\n"
    yield f'<ol id="turns" lang="{_e(transcript.language)}">\n'
    for turn, indices in transcript.turn_ranges():
        words = [_word(page, word, page.redacted.entities.get(i)) for i, word in zip(indices, turn.words, strict=True)]
        if any(words):
            yield f'<li class="c{turn.channel % 2}">{_lead(page, turn)}<p dir="auto">{" ".join(filter(None, words))}</p></li>\n'
    yield "</ol>\n</section>\n"


def _lead(page: _Page, turn: Turn) -> str:
    """When a turn begins, to play it from there, and who speaks."""
    speaker = page.say["speakers"].get(turn.speaker) or speaker_name(turn)
    return f'{_moment(page, turn.start_ms)}<span class="speaker"><bdi>{_e(speaker)}</bdi></span>'


def _moment(page: _Page, ms: int | None) -> str:
    """A time that can be pressed."""
    if ms is None:
        return '<span class="moment">–</span>'
    told = page.say["from_here"].format(_clock(ms))
    return f'<button class="moment" type="button" data-ms="{ms}" aria-label="{_e(told)}">{_clock(ms)}</button>'


def _word(page: _Page, word: Word, entity_type: str | None) -> str:
    text = _e(word.text)
    if not text:
        return ""
    times = "" if word.start_ms is None or word.end_ms is None else f' data-s="{word.start_ms}" data-e="{word.end_ms}"'
    if entity_type is None:
        return f"<span{times}>{text}</span>"
    kind = page.kinds[entity_type]
    return f'<mark class="f-{kind.family}"{times} title="{_e(kind.name)}">{text}</mark>'


def _details(page: _Page) -> Iterator[str]:
    say, report = page.say, page.report
    yield f'<aside><h2>{_e(say["details"])}</h2>\n<h3>{_e(say["checks"])}</h3>\n<ul class="checks">'
    for check in report["checks"]:
        name = say["check_names"].get(check["name"], check["name"])
        mark, told = ("✓", say["passed"]) if check["passed"] else ("✗", say["failed"])
        yield f'<li><span role="img" aria-label="{_e(told)}">{mark}</span>{_e(name)}</li>'
    yield f"</ul>\n<h3>{_e(say['doubts'])}</h3>\n{_doubts(page, page.redacted.transcript)}"
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
    listed = "".join(f"<dt>{_e(n)}</dt><dd>{_e(v)} <code>{_e(digest)}</code></dd>" for n, v, digest in facts)
    yield f"<details><summary>{_e(say['provenance'])}</summary><dl>{listed}</dl></details>\n</aside>\n"


def _doubts(page: _Page, transcript: Transcript) -> str:
    say = page.say
    if not transcript.doubts:
        return f"<p>{_e(say['nothing_doubted'])}</p>\n"
    rows = [(d.where.start_ms, d.where.end_ms, say["doubt_names"].get(d.reason, d.reason)) for d in transcript.doubts]
    counts = ", ".join(f"{n} {say['times']} {say['doubt_names'].get(r, r)}" for r, n in page.report["doubts"].items())
    return f"<p>{_e(say['doubts_told'])}</p>\n{_table(page, counts, rows)}"


def _table(page: _Page, title: str, rows: Sequence[tuple[int, int, str]]) -> str:
    """Stretches of the call, folded away."""
    say = page.say
    cells = "".join(
        f"<tr><td>{_moment(page, start)}</td><td>{_clock(end)}</td><td>{_e(what)}</td></tr>"
        for start, end, what in rows
    )
    heads = "".join(f'<th scope="col">{_e(say[key])}</th>' for key in ("start", "end", "kind"))
    return (
        f"<details><summary>{_e(title)}</summary><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{cells}</tbody></table></details>\n"
    )
