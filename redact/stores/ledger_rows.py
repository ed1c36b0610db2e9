"""What the ledger tells of: a recording, what came of it, and a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

State = Literal["pending", "running", "done", "held", "failed", "refused", "quarantined", "erased"]
STATES: tuple[State, ...] = get_args(State)
# State and reason of what somebody had restricted.
WITHHELD: tuple[State, str] = ("held", "restricted")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one recording.

    Attributes:
        reason: one word of few where it is not done.
        recording_id: what its outputs are called; empty where its content was never read.
        content: SHA-256 of the recording's file.
        report: SHA-256 of the report's file.
        suffix: of the redacted sound.
        duration_ms: of the recording; `masked_ms` of that is masked; `work_ms` were spent on it.
        replacements: how many of each entity type were masked.
        doubts: how many there are of each kind.
        models: name and digest of each that it was done by; `version` of the program.
    """

    state: State
    reason: str = ""
    recording_id: str = ""
    content: str = ""
    report: str = ""
    suffix: str = ""
    language: str = ""
    basis: str = ""
    duration_ms: int = 0
    masked_ms: int = 0
    work_ms: int = 0
    replacements: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A recording in the ledger; see `Done` for what is not told here.

    Attributes:
        source: keyed pseudonym of its path.
        stamp: what changes when its content does: size and time, or an object store's tag.
        attempts: how often it took a worker with it.
        call: keyed pseudonym of the call's id; empty where none is known. So is `agent`.
        queue: that the call was in.
        recorded_at: when the recording began, ISO 8601 in UTC; empty where nobody said.
        policy: digest of the policy it was redacted by; `engine` of the models and the version.
        finished_at: when its outcome was known.
        original: `here`, `moved`, `vault`, `deleted`, or `erased` where its outputs stay.
        was: state and reason that it had when it was withheld; empty where it was not.
    """

    source: str
    size_bytes: int
    stamp: str
    state: State = "pending"
    reason: str = ""
    attempts: int = 0
    run_id: str = ""
    call: str = ""
    agent: str = ""
    queue: str = ""
    recorded_at: str = ""
    recording_id: str = ""
    content: str = ""
    policy: str = ""
    engine: str = ""
    report: str = ""
    suffix: str = ""
    language: str = ""
    basis: str = ""
    duration_ms: int = 0
    masked_ms: int = 0
    work_ms: int = 0
    replacements: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, int] = field(default_factory=dict)
    finished_at: str = ""
    original: str = "here"
    was: str = ""

    @property
    def is_withheld(self) -> bool:
        """True where nothing of it is given out, for somebody had it restricted; it may be redacted all the same."""
        return (self.state, self.reason) == WITHHELD


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run over an archive.

    Attributes:
        outcome: `running`, `finished`, `stopped` or the word of the error that ended it.
        listed: how many files of the source were what: `unchanged`, `new`, `ignored` and so on.
    """

    run_id: str
    archive: str
    began_at: str
    ended_at: str
    outcome: str
    policy_name: str
    policy: str
    engine: str
    workers: int
    listed: Mapping[str, int]
