"""The information of a pack as a page, in the language of the person who asked."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from redact import paper
from redact.governance.prose import long_day, months
from redact.governance.words import words


def page(told: Mapping[str, Any]) -> str:
    """A page that loads nothing, made from what `redact.governance.access.information` tells."""
    language = told["language"]
    said = words("access", language)
    about = said["about"].format(case=told["request"]["case"], received=long_day(told["request"]["received"], language))
    parts = [
        f"<h1>{escape(said['title'])}</h1>",
        f'<p class="what">{escape(about)}</p>',
        f"<p>{escape(said['confirmation'])}</p>",
        *_part(said["controller"], _contact(told["controller"])),
        *_part(said["dpo"], _contact(told["dpo"])),
        *(part for activity in told["activities"] for part in _activity(activity, said, language)),
        *_retention(told["retention_months"], said, language),
        *_part(said["source"], told["source"]),
        *_part(said["automated"], told["automated_decisions"]),
        *_part(said["rights"], said["rights_text"]),
        *_part(said["complaint"], said["complaint_text"].format(authority=_contact(told["authority"]))),
        f"<h2>{escape(said['recordings'])}</h2>",
        f"<p>{escape(said['masked_text'])}</p>",
    ]  # fmt: skip
    if any(given["form"] == "own" for given in told["recordings"]):
        parts.append(f"<p>{escape(said['own_text'])}</p>")
    parts += [*_recordings(told, said), *_restricted(told["recordings"], said)]
    parts += [*_corrected(told["recordings"], said), *_on_record(told, said), *_left_out(told["left_out"], said)]
    return paper.page(said["title"], parts, language)


def _retention(kept: Mapping[str, int], said: Mapping[str, str], language: str) -> Iterator[str]:
    """How long each class of data is kept: what is made of recordings is kept longer than they are."""
    yield f"<h2>{escape(said['retention'])}</h2>"
    rows = [(said[f"kept_{name}"], months(number, language)) for name, number in kept.items()]
    yield paper.table((said["what"], said["retention"]), rows)


def _activity(activity: Mapping[str, Any], said: Mapping[str, str], language: str) -> Iterator[str]:
    basis = said.get(f"basis_{activity['lawful_basis']}", said["none"])
    interest = activity["legitimate_interest"]
    transfers = [f"{each['country']} ({each['safeguard']})" for each in activity["transfers"]]
    yield f"<h2>{escape(activity['name'] or activity['id'])}</h2>"
    rows = {
        "purposes": "; ".join(activity["purposes"]),
        "basis": f"{basis} ({interest})" if interest else basis,
        "categories": "; ".join(activity["data_categories"]),
        "recipients": "; ".join(activity["recipients"]),
        "retention": months(activity["retention_months"], language),
        "transfers": "; ".join(transfers) or said["none"],
    }
    body = (f"<tr><th>{escape(said[key])}</th><td>{escape(value)}</td></tr>" for key, value in rows.items())
    yield "<table>" + "".join(body) + "</table>"


def _recordings(told: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    head = [said[key] for key in ("recording", "date", "queue", "language", "length", "form", "files")]
    yield "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"
    for given in told["recordings"]:
        seconds = round(given["duration_ms"] / 1000)
        cells = [
            given["recording_id"],
            long_day(given["recorded_at"][:10], told["language"]) if given["recorded_at"] else "–",
            given["queue"] or "–",
            given["language"],
            said["minutes"].format(minutes=seconds // 60, seconds=seconds % 60),
            said[f"form_{given['form']}"],
        ]
        links = " ".join(f'<a href="{escape(name)}">{escape(name.rpartition(".")[2])}</a>' for name in given["files"])
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{links}</td></tr>"
    yield "</table>"


def _restricted(given: Sequence[Mapping[str, Any]], said: Mapping[str, str]) -> Iterator[str]:
    yield from _named(said["restricted_text"], [each["recording_id"] for each in given if each["restricted"]])


def _corrected(given: Sequence[Mapping[str, Any]], said: Mapping[str, str]) -> Iterator[str]:
    corrected = [each for each in given if each["corrected"]]
    yield from _named(said["corrected_text"], [each["recording_id"] for each in corrected])
    heard = [each["recording_id"] for each in corrected if each["form"] == "own"]
    yield from _named(said["corrected_own_text"], heard)


def _named(text: str, ids: Sequence[str]) -> Iterator[str]:
    if ids:
        yield f"<p>{escape(text.format(ids=', '.join(ids)))}</p>"


def _on_record(told: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    """What allowed each call, and what is sealed beside it, as rows; nothing where nothing is known."""
    rows: list[tuple[str, str, str]] = []
    for given in told["recordings"]:
        beside = given["on_record"]
        for record in beside["lawful_bases"]:
            rows += [(given["recording_id"], name, text) for name, text in _record(record, said)]
        rows += [(given["recording_id"], said[f"beside_{key}"], value) for key, value in beside["metadata"].items()]
    if rows:
        yield f"<h2>{escape(said['on_record'])}</h2>"
        yield paper.table((said["recording"], said["what"], said["value"]), rows)


def _record(record: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if key == "basis":
            text = said[f"basis_{value}"]
        elif key in {"channel", "method"}:
            text = said[f"{key}_{value}"]
        else:
            text = ", ".join(value) if isinstance(value, list | tuple) else value
        if key != "call_id":
            yield said[f"record_{key}"], text


def _left_out(left_out: Mapping[str, str], said: Mapping[str, str]) -> Iterator[str]:
    if left_out:
        yield f"<h2>{escape(said['left_out'])}</h2>"
        rows = [(recording_id, said[f"why_{why}"]) for recording_id, why in left_out.items()]
        yield paper.table((said["recording"], said["why"]), rows)


def _part(title: str, text: str) -> Iterator[str]:
    if text:
        yield f"<h2>{escape(title)}</h2><p>{escape(text)}</p>"


def _contact(contact: Mapping[str, str]) -> str:
    return ", ".join(filter(None, (contact["name"], contact["address"], contact["contact"])))
