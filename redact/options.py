"""How to redact: what the command line's options, a settings file or a library's user say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from redact import policy as policies
from redact.call import Role
from redact.corrections import Correction
from redact.errors import NoLawfulBasis
from redact.findings import TermKind
from redact.keys import Key
from redact.policy import Policy

Progress = Callable[[str, int, int], None]
Kept = Literal["original", "transcript"]
Index = Callable[[Iterable[tuple[TermKind, str]]], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to redact.

    Attributes:
        policy: name or file of a policy, or the policy itself.
        model: name or folder of the speech model; None for the default.
        language: ISO 639-1, or `auto`.
        roles: what each channel holds; None for the default by their number.
        device: `auto`, `cpu` or `cuda`.
        threads: of the speech model; None for one a core.
        allow: terms that are never personal.
        deny: terms that always are.
        force: replace outputs that exist.
        html: also write a page for a browser.
        opaque: outputs are called by their input's digest, whatever its name.
        key: for what the policy has hashed, encrypted, or replaced by surrogates or pseudonyms (`redact.keys.read`).
        custom: functions for the entity types of which the policy says `custom`.
    """

    policy: str | Path | Policy = "default"
    model: str | None = None
    language: str = "auto"
    roles: tuple[Role, ...] | None = None
    device: str = "auto"
    threads: int | None = None
    allow: tuple[str, ...] = field(default=(), repr=False)
    deny: tuple[str, ...] = field(default=(), repr=False)
    force: bool = False
    html: bool = False
    opaque: bool = False
    key: Key | None = None
    custom: Mapping[str, Callable[[str], str]] = field(default_factory=dict, repr=False)

    def loaded_policy(self) -> Policy:
        """The policy itself.

        Raises:
            PolicyError: there is no such policy, or it is wrong.
        """
        return self.policy if isinstance(self.policy, Policy) else policies.load(self.policy)


@dataclass(frozen=True, slots=True)
class Custody:
    """What goes around the redaction of one call.

    Attributes:
        basis: what allows it to be processed, for its report.
        seal: keeps the original, or its transcript in clear, in the vault; None where nothing is kept.
        index: notes who is in the call, before anything is published; None where no index is kept.
        name: of outputs that are there already, and stay if new ones don't pass; empty for the input's own name.
        decided: what a person decided about it; counts over all that is found.
    """

    basis: str = "not recorded"
    seal: Callable[[BinaryIO, Kept], None] | None = None
    index: Index | None = None
    name: str = ""
    decided: tuple[Correction, ...] = ()


DEFAULTS = Options()
NO_CUSTODY = Custody()


def check_basis(policy: Policy, custody: Custody = NO_CUSTODY) -> None:
    """Nothing is read without a lawful basis where the policy requires one.

    Raises:
        NoLawfulBasis: it does, and none was found.
    """
    if policy.lawful_basis == "required" and custody.basis == NO_CUSTODY.basis:
        raise NoLawfulBasis(
            "the policy requires a lawful basis, and here none was looked for",
            hint="use redact file, which looks for it, or a policy with lawful_basis: optional",
        )
