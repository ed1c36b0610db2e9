"""The picture of a call: a waveform for each channel, the masked stretches over it, and what their patterns mean."""

import numpy as np

from redact.page.content import Page, clock, escaped

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


def picture(page: Page) -> str:
    """Masked stretches by name, a track for each channel, and the times below."""
    peaks = page.copy.peaks
    scale = max(float(np.quantile(np.abs(peaks), _LOUD)) if peaks.size else 0.0, _QUIETEST)
    tracks = [_track(page, channel, scale) for channel in range(len(peaks))]
    return "".join([_patterns(page), _lane(page), *tracks, _axis(page)])


def legend(page: Page) -> str:
    """What each colour and pattern stands for: how often it was replaced in the text, how long masked in the sound."""
    say, counts = page.say, page.report["replacements"]
    items = []
    for number, (entity_type, kind) in enumerate(page.kinds.items()):
        masked = sum(i["end_ms"] - i["start_ms"] for i in page.report["intervals"] if entity_type in i["entity_types"])
        count = f"{counts[entity_type]} ×" if entity_type in counts else ""
        figure = " · ".join(filter(None, (count, page.seconds(masked) if masked else "")))
        swatch = f'<svg aria-hidden="true"><rect width="100%" height="100%" fill="url(#p{number})"/></svg>'
        name = f"{escaped(kind.name)} <span>{escaped(figure)}</span>"
        items.append(f'<li class="f-{kind.family}">{swatch}{name}</li>')
    listed = f"<ul>{''.join(items)}</ul>" if items else f"<p>{escaped(say['nothing_masked'])}</p>"
    return f'<section class="legend"><h2>{escaped(say["legend"])}</h2>{listed}</section>\n'


def _patterns(page: Page) -> str:
    """What the tracks and the legend are filled with, by number."""
    square = '<rect class="under" width="8" height="8"/><rect class="tint" width="8" height="8"/>'
    made = "".join(
        f'<pattern id="p{number}" class="f-{kind.family}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'{square}<g class="ink">{_PATTERNS[kind.pattern % len(_PATTERNS)]}</g></pattern>'
        for number, kind in enumerate(page.kinds.values())
    )
    return f'<svg class="patterns" aria-hidden="true"><defs>{made}</defs></svg>\n'


def _lane(page: Page) -> str:
    """The masked stretches with their names, above the channels. The script hides a name that has no room."""
    marks = []
    for interval, types in page.stretches():
        start, end = interval["start_ms"], interval["end_ms"]
        names = page.kind_names(types)
        short = f"{page.kinds[types[0]].name} +{len(types) - 1}" if len(types) > 1 else ""
        told = escaped(f"{clock(start)} – {clock(end)} · {names} · {page.seconds(end - start)}")
        marks.append(
            f'<svg class="mark f-{page.kinds[types[0]].family}" x="{page.at(start)}" width="{page.at(end - start)}" '
            f'height="22" data-s="{start}" data-e="{end}" data-told="{told}"><title>{told}</title>'
            f'<rect width="100%" height="22"/><text x="5" y="15.5" data-short="{escaped(short)}">{escaped(names)}'
            "</text></svg>"
        )
    return f'<svg class="lane" role="img" aria-label="{escaped(page.say["waveform"])}">{"".join(marks)}</svg>\n'


def _track(page: Page, channel: int, scale: float) -> str:
    """One channel: its waveform, and over it its masked stretches, in bands where they hold several types."""
    numbers = {entity_type: number for number, entity_type in enumerate(page.kinds)}
    masks = [
        f'<rect x="{page.at(interval["start_ms"])}" width="{page.at(interval["end_ms"] - interval["start_ms"])}" '
        f'y="{100 * band / len(types):.1f}%" height="{100 / len(types):.1f}%" fill="url(#p{numbers[entity_type]})"/>'
        for interval, types in page.stretches()
        if channel in interval["channels"]
        for band, entity_type in enumerate(types)
    ]
    rows = np.clip(np.rint(page.copy.peaks[channel] / scale * _HEIGHT), -_HEIGHT, _HEIGHT).astype(int).tolist()
    top = " ".join(f"{x} {min(-high, -1)}" for x, (_, high) in enumerate(rows))
    bottom = " ".join(f"{x} {max(-low, 1)}" for x, (low, _) in reversed(list(enumerate(rows))))
    shape = f'<path d="M{top}L{bottom}z"/>' if rows else ""
    view = f"0 {-_HEIGHT} {max(len(rows) - 1, 1)} {2 * _HEIGHT}"
    return (
        f'<div class="track"><p>{escaped(_channel_name(page, channel))}</p><svg class="wave" aria-hidden="true">'
        f'<svg viewBox="{view}" preserveAspectRatio="none">{shape}</svg>{"".join(masks)}</svg></div>\n'
    )


def _channel_name(page: Page, channel: int) -> str:
    roles = page.report["input"]["channels"]
    role = roles[channel] if channel < len(roles) else ""
    name: str = page.say["speakers"].get(role, "")
    return name if name and roles.count(role) == 1 else page.say["channel"].format(channel + 1)


def _axis(page: Page) -> str:
    wanted = page.duration_ms / 1000 / _MOST_TIMES
    step = next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1]) * 1000
    times = "".join(
        f'<text x="{page.at(ms)}" y="13">{clock(ms)}</text>' for ms in range(0, page.duration_ms - step // 3, step)
    )
    return f'<svg class="axis" aria-hidden="true">{times}</svg>\n'
