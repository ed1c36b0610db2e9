"""How fast a person's recordings are found in the keyed index, and given out, and how fast the index is filled.

    python benchmarks/subjects.py [--recordings 10000] [--terms 20] [--searches 20] [--calls 20]

    put    the index is filled, a recording at a time, as workers do it: milliseconds a recording
    find   searches for a name, a telephone number, an e-mail address, a reference, and for all of them together:
           seconds each, the slowest of all searches; the index is opened anew for each, as a command does it
    answer one person who is in so many of the recordings (--calls) asks: `redact subject find` over them all, all that
           it found confirmed, and `redact subject export`, seconds each; each call has a minute of sound (a WAV of
           two channels at 8 kHz) and its transcripts
    file   size of the database

Each recording has the terms of one invented caller, and what fills them up to so many. One run. Written to
subjects.json.
"""

import argparse
import hashlib
import json
import os
import random
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from redact import settings
from redact.batch.archive import Archive
from redact.batch.work import shard
from redact.findings import TermKind
from redact.governance import access, organisation, subject_matches, subjects
from redact.governance.asked import Person
from redact.governance.finding import search
from redact.stores import master
from redact.stores.ledger import Row
from redact.stores.opened import Stores
from redact.subjects import Term, written_down

AT = "2026-03-01T09:30:00+00:00"
Caller = list[tuple[TermKind, str]]


def caller(number: int, dice: random.Random) -> Caller:
    """One invented caller; no two have the same name."""
    first, last = _name(number % 997, dice), _name(number, dice)
    phone = f"06 39 {98 - number // 10_000:02} {number // 100 % 100:02} {number % 100:02}"
    return [
        ("name", f"{first} {last}"), ("phone", phone),
        ("email", f"{first}.{last}@example.org"), ("reference", f"QX{number:07}"),
    ]  # fmt: skip


def _name(number: int, dice: random.Random) -> str:
    parts = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "ro", "tu"]
    return "".join(parts[int(digit)] for digit in f"{number:05}").capitalize() + dice.choice("nrsl")


def terms_of(one: Caller, count: int, dice: random.Random) -> set[Term]:
    """The terms of a call: its caller's, and others up to so many."""
    terms = {term for kind, value in one for term in written_down(kind, value)}
    while len(terms) < count:
        terms.add(("reference", f"{dice.randrange(10**9):09}"))
    return terms


def stores(home: Path) -> Stores:
    """New stores in a folder."""
    master.write(master.new(), home / "master.keys")
    folders = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
    names = ("records", "keyring", "ledger", "reviews", "governance")
    told = "".join(f'{name} = "sqlite:///{home}/{name}.db"\n' for name in names)
    told += f'master_keys = "{home}/master.keys"\nvault = "{home}/vault"\naudit_heads = "{home}/heads.jsonl"\n'
    (home / "redact.toml").write_text(f"[stores]\n{told}", encoding="utf-8")
    return Stores(settings.load(home / "redact.toml", environ={**os.environ, **folders}))


def measured(home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    dice = random.Random(7)  # noqa: S311
    callers = [caller(number, dice) for number in range(options.recordings)]
    kept = stores(home)
    count = 0
    began = time.perf_counter()
    for number, one in enumerate(callers):
        count += kept.index.put(f"call-{number:016x}", terms_of(one, options.terms, dice))
    put_s = time.perf_counter() - began
    kept.close()
    slowest: dict[str, float] = {}
    for _ in range(options.searches):
        number = dice.randrange(options.recordings)
        for name, wanted in [*((kind, [(kind, value)]) for kind, value in callers[number]), ("all", callers[number])]:
            anew = Stores(kept.settings)
            began = time.perf_counter()
            found = search(anew, wanted)
            slowest[name] = max(slowest.get(name, 0), round(time.perf_counter() - began, 3))
            anew.close()
            if f"call-{number:016x}" not in found:
                raise SystemExit(f"a recording was not found by its {name}")
    answered = answer(home, options, dice)
    return {
        "recordings": options.recordings, "terms": count, "put_ms_each": round(1000 * put_s / options.recordings, 2),
        "slowest_find_s": slowest, "answer_s": answered,
        "file_mb": round((home / "governance.db").stat().st_size / 1e6, 1),
    }  # fmt: skip


def answer(home: Path, options: argparse.Namespace, dice: random.Random) -> dict[str, float]:
    """One person is found in all recordings, and gets those that they are in."""
    kept = Stores(settings.load(home / "redact.toml", environ={"HOME": str(home)}))
    out = home / "out"
    out.mkdir()
    names = [f"call-{number:016x}" for number in range(options.recordings)]
    booked = kept.ledger.archive(Archive(str(out)).url)
    booked.put(
        Row(f"source-{name}", 1, "1", "done", recording_id=name, language="en", basis="contract", recorded_at=AT)
        for name in names
    )
    one = caller(options.recordings + 1, dice)
    for name in dice.sample(names, options.calls):
        kept.index.put(name, terms_of(one, options.terms, dice))
        _outputs(out, name, dice)
    told: dict[str, Any] = yaml.safe_load(organisation.template())
    contact = {"name": "Halcyon Hotels", "address": "1 Quay Street", "contact": "privacy@halcyon.example"}
    told |= {"controller": contact, "dpo": contact, "archives": [str(out)]}
    told |= {"automated_decisions": "none", "provision": "nobody has to", "source": "the call"}
    told["activities"][0] |= {
        "name": "calls", "purposes": ["quality"], "lawful_basis": "contract", "data_subjects": ["guests"],
        "data_categories": ["voice"], "recipients": ["the quality team"],
    }  # fmt: skip
    rules = organisation.Organisation.model_validate(told)
    asked = subjects.Asked("access", "en", date.today(), "details", Person("One Caller"))  # noqa: DTZ011
    case = subjects.open_request(kept, rules, asked).case_id
    subjects.identify(kept, case, "checked")
    began = time.perf_counter()
    found = subject_matches.find(kept, rules.archives, case, one[1:])
    find_s = time.perf_counter() - began
    if len(found.matches) != options.calls:
        raise SystemExit("not all recordings of the person were found")
    subject_matches.decide(kept, rules.archives, case, subject_matches.Decision(everything=True))
    began = time.perf_counter()
    with (home / "pack").open("w+b") as pack:
        done = access.export(kept, rules, case, pack, access.Packing("one two three four"))
    export_s = time.perf_counter() - began
    kept.close()
    if len(done.given) != options.calls:
        raise SystemExit("not all recordings of the person were given out")
    return {
        "find": round(find_s, 3), "export": round(export_s, 3), "calls": options.calls,
        "pack_mb": round((home / "pack").stat().st_size / 1e6, 1),
    }  # fmt: skip


def _outputs(out: Path, name: str, dice: random.Random) -> None:
    """What a batch leaves of a call: a minute of sound, transcripts, a report."""
    folder = out / shard(name)
    folder.mkdir(exist_ok=True)
    contents = {".wav": dice.randbytes(60 * 8000 * 2 * 2), ".txt": b"[PERSON_1] " * 200, ".json": b"{}"}
    for suffix, content in contents.items():
        (folder / f"{name}.redacted{suffix}").write_bytes(content)
    report = {
        "schema": "callredact.report", "version": 1, "status": "done", "language": "en", "basis": "contract",
        "input": {"sha256": "0" * 64, "duration_ms": 60_000}, "replacements": {"PERSON": 1},
        "outputs": {suffix: hashlib.sha256(content).hexdigest() for suffix, content in contents.items()},
    }  # fmt: skip
    (folder / f"{name}.report.json").write_text(json.dumps(report))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("subjects.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = measured(Path(folder), options)
    print(json.dumps(known))
    options.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
