"""Pages to be read, printed and kept: one HTML file each, with pictures, that loads nothing and runs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

# Of the Okabe-Ito palette, which people tell apart whatever they see; each bar has its word beside it all the same.
PLAIN = "#0072b2"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.what { margin: .2rem 0 1.5rem; opacity: .75; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
dt { font-size: .85rem; opacity: .75; } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
tr + tr { border-top: 1px solid var(--line); } td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 60%; } svg { display: block; width: 100%; height: 1rem; } code { font-size: .9em; }
@media print { body { margin: 0; max-width: none; } }
"""


def page(title: str, parts: Sequence[str], language: str = "en") -> str:
    """A whole page.

    Args:
        title: of the page, as text.
        parts: of its body, as HTML.
        language: ISO 639-1.
    """
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def cards(figures: Mapping[str, str]) -> str:
    """A few figures that matter most, each with its name."""
    told = (f"<div><dt>{escape(name)}</dt><dd>{escape(figure)}</dd></div>" for name, figure in figures.items())
    return "<dl>" + "".join(told) + "</dl>"


def bars(title: str, counts: Mapping[str, int], colours: Mapping[str, str] | None = None) -> Iterator[str]:
    """Counts as bars under a heading; nothing where there are none."""
    if not counts:
        return
    most = max(counts.values())
    yield f"<h2>{escape(title)}</h2>\n<table>"
    for name, count in counts.items():
        colour = (colours or {}).get(name, PLAIN)
        share = 100 * count / most if most else 0
        yield (
            f'<tr><td>{escape(name.replace("_", " "))}</td><td class="n">{count}</td><td class="bar">'
            f'<svg aria-hidden="true"><rect width="{share:.1f}%" height="100%" rx="3" fill="{colour}"/></svg></td></tr>'
        )
    yield "</table>"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows of text under their heads."""
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = ("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{heads}</tr>" + "\n".join(body) + "</table>"
