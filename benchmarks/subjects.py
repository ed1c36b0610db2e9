"""How fast a person's recordings are found in the keyed index, and how fast it is filled.

    python benchmarks/subjects.py [--recordings 10000] [--terms 20] [--searches 20]

    put    the index is filled, a recording at a time, as workers do it: milliseconds a recording
    find   searches for a name, a telephone number, an e-mail address, a reference, and for all of them together:
           seconds each, the slowest of all searches; the index is opened anew for each, as a command does it
    file   size of the database

Each recording has the terms of one invented caller, and what fills them up to so many. One run. Written to
subjects.json.
"""

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from redact import settings
from redact.findings import TermKind
from redact.governance.finding import search
from redact.stores import master
from redact.stores.opened import Stores
from redact.subjects import Term, written_down

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
    names = ("records", "keyring", "ledger", "governance")
    told = "".join(f'{name} = "sqlite:///{home}/{name}.db"\n' for name in names)
    told += f'master_keys = "{home}/master.keys"\n'
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
    return {
        "recordings": options.recordings, "terms": count, "put_ms_each": round(1000 * put_s / options.recordings, 2),
        "slowest_find_s": slowest, "file_mb": round((home / "governance.db").stat().st_size / 1e6, 1),
    }  # fmt: skip


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("subjects.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = measured(Path(folder), options)
    print(json.dumps(known))
    options.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
