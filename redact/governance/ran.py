"""What really ran, as documents tell it: volumes, what was found, by which policies and models; what protects it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redact.batch.archive import Archive
from redact.batch.work import report_path
from redact.errors import Damaged
from redact.governance.organisation import Organisation
from redact.stores.ledger import STATES, Row
from redact.stores.opened import Stores

# More runs than any archive has.
ALL_RUNS = 1_000_000
# What a row says where nobody recorded a basis.
NO_BASIS = "not recorded"


@dataclass(frozen=True, slots=True)
class Ran:
    """Over all archives, since their first run: also what was erased since, as far as it was counted then.

    Attributes:
        states: how many recordings ended in each state; `erased` for those of which no more was known.
        sound_ms: of what is done; `masked_ms` of that is masked.
        originals: where those of what is done are, as the policies that ran wanted it: `here`, `moved`, `vault`,
            `deleted` or `erased`, and how many. Of what was erased itself they are erased.
        first: time of the first outcome, ISO 8601 in UTC, empty for none; `last` of the last.
        policies: name and digest of each that ran.
        engines: digest of each set of models and version that something is done by.
        models: name and digest of each model of these.
        versions: of the program, of these.
    """

    archives: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    sound_ms: int = 0
    masked_ms: int = 0
    entity_types: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    bases: Mapping[str, int] = field(default_factory=dict)
    originals: Mapping[str, int] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    policies: tuple[tuple[str, str], ...] = ()
    engines: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def masked_share(self) -> float:
        """Of the sound that is done, the share that is masked."""
        return self.masked_ms / self.sound_ms if self.sound_ms else 0.0

    def told(self) -> dict[str, Any]:
        """As a JSON-ready object."""
        return {
            "archives": self.archives,
            "recordings": dict(self.states),
            "sound_hours": round(self.sound_ms / 3_600_000, 2),
            "masked_share": round(self.masked_share, 4),
            "entity_types": dict(self.entity_types),
            "languages": dict(self.languages),
            "lawful_bases": dict(self.bases),
            "originals": dict(self.originals),
            "first_at": self.first,
            "last_at": self.last,
            "policies": [{"name": name, "sha256": digest} for name, digest in self.policies],
            "engines": list(self.engines),
            "models": [{"name": name, "sha256": digest} for name, digest in self.models],
            "versions": list(self.versions),
        }


class _Count:
    """What is counted while rows go by, of which there may be millions."""

    def __init__(self) -> None:
        self.states, self.types, self.languages, self.bases, self.originals = (Counter[str]() for _ in range(5))
        self.sound_ms = self.masked_ms = 0
        self.times: tuple[str, str] | None = None
        self.examples: dict[str, str] = {}  # a recording of each engine: the first by its id; empty if all are erased

    def add(self, row: Row) -> None:
        """Count a row."""
        self.states[row.state] += 1
        if row.finished_at:
            first, last = self.times or (row.finished_at, row.finished_at)
            self.times = min(first, row.finished_at), max(last, row.finished_at)
        if row.state != "done":
            return
        self.sound_ms += row.duration_ms
        self.masked_ms += row.masked_ms
        self.types.update(row.replacements)
        self.languages[row.language] += 1
        self.originals[row.original] += 1
        self.bases[row.basis or NO_BASIS] += 1
        before = self.examples.get(row.engine) or row.recording_id
        self.examples[row.engine] = min(before, row.recording_id) or before


def ran(stores: Stores, archives: Sequence[str]) -> Ran:
    """What ran over archives.

    Args:
        stores: where things are kept.
        archives: folders or URLs of outputs.

    Raises:
        RedactError: a store can't be opened, or an archive can't be reached.
    """
    count = _Count()
    policies: set[tuple[str, str]] = set()
    models: dict[str, str] = {}
    versions: set[str] = set()
    for url in archives:
        archive = Archive(url)
        ledger = stores.ledger.archive(archive.url)
        before = dict(count.examples)
        for row in ledger.processed():
            count.add(row)
        policies |= {(run.policy_name, run.policy) for run in ledger.runs(ALL_RUNS)}
        known = ledger.engines()
        for engine, example in sorted(count.examples.items()):
            if engine in known:
                models |= known[engine].models
                versions |= {known[engine].version} - {""}
            if example != before.get(engine, ""):  # some may have been booked before the ledger noted engines
                report = report_of(archive, example)
                models |= report.get("models", {})
                versions |= {report["redact_version"]} if "redact_version" in report else set()
    return Ran(
        len(archives), {state: count.states[state] for state in STATES if count.states[state]}, count.sound_ms,
        count.masked_ms, dict(sorted(count.types.items())), dict(sorted(count.languages.items())),
        dict(sorted(count.bases.items())), dict(sorted(count.originals.items())),
        *(count.times or ("", "")), tuple(sorted(policies)),
        tuple(sorted(count.examples)), tuple(sorted(models.items())), tuple(sorted(versions)),
    )  # fmt: skip


def report_of(archive: Archive, recording_id: str) -> dict[str, Any]:
    """The report of a recording; empty where there is none that can be read.

    Raises:
        InputRejected: the archive can't be reached.
    """
    try:
        told = json.loads(archive.read(report_path(recording_id)) or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


@dataclass(frozen=True, slots=True)
class Protection:
    """What protects the recordings, as found in the stores at this moment.

    Attributes:
        log_is_whole: the log was checked against its chain and its signed heads.
        sealed: how many originals lie in the vault; `readable` of these have their key.
        users: how many may use the QA team's page, by role.
        needs_second_person: of whoever hears an original; so is `needs_training`.
    """

    log_is_whole: bool
    sealed: int
    readable: int
    users: Mapping[str, int]
    holds: int
    restrictions: int
    certificates: int
    needs_second_person: bool
    needs_training: bool

    def told(self) -> dict[str, Any]:
        """As a JSON-ready object."""
        return {name: getattr(self, name) for name in self.__slots__} | {"users": dict(self.users)}


def protection(stores: Stores, organisation: Organisation) -> Protection:
    """What protects the recordings.

    Raises:
        RedactError: a store can't be opened.
    """
    keys = {key.recording_id: key.key_id for key in stores.keys.listed()}
    sealed = [each for each in stores.vault.listed() if each.kind == "original"]
    users = Counter(user.role for user in stores.reviews("").users() if not user.disabled)
    return Protection(
        is_whole(stores), len(sealed), sum(keys.get(each.recording_id) == each.key_id for each in sealed),
        dict(sorted(users.items())), len(stores.marks.all("legal_hold")), len(stores.marks.all("restriction")),
        len(stores.certificates.all()), organisation.clear_access.second_person,
        bool(organisation.clear_access.training),
    )  # fmt: skip


def is_whole(stores: Stores) -> bool:
    """True where nobody changed the log."""
    try:
        stores.audit.verify()
    except Damaged:
        return False
    return True
