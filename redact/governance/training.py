"""Who may work with recordings in clear: trainings by module, until when each counts, and who lacks one."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redact.errors import HeldForReview, PolicyError
from redact.governance.months import months_after
from redact.governance.organisation import Module, Organisation
from redact.governance.prose import cell, term
from redact.governance.words import words
from redact.policy import nearest
from redact.stores.audit import actor
from redact.stores.opened import Stores
from redact.stores.trainings import Training, latest, recorded

_COLUMNS = ("person", "role", "module", "version", "taken", "score", "passed", "until", "recorded_by")


@dataclass(frozen=True, slots=True)
class Lack:
    """A training that somebody's role needs, and that they lack.

    Attributes:
        why: `never`, `failed` or `expired`.
        since: when it expired; empty where it was never passed.
    """

    person: str
    role: str
    module: str
    why: str
    since: str


def module_of(organisation: Organisation, name: str) -> Module:
    """A module by its name.

    Raises:
        PolicyError: the organisation has none of that name.
    """
    if name not in organisation.training:
        known = tuple(organisation.training)
        hint = nearest(name, known, "module") if known else "name it under `training` in the organisation's file"
        raise PolicyError("the organisation has no training module of that name", hint=hint)
    return organisation.training[name]


def record(
    stores: Stores, organisation: Organisation, person: str, module: str, score: float, now: datetime | None = None
) -> Training:
    """Record that somebody took a training; from the module comes whether it was passed, and until when it counts.

    The person's role and the module's version are kept as they are now: either may be another one later.

    Args:
        stores: where things are kept.
        organisation: has the module.
        person: the name by which they sign in to the page, or their account.
        module: its name.
        score: from 0 to 1.
        now: when it was taken.

    Raises:
        PolicyError: there is no such module.
        UsageError: name or score can't be one.
    """
    rules = module_of(organisation, module)
    taken = (now or datetime.now(UTC)).astimezone(UTC)
    expires = months_after(taken, rules.valid_months) if score >= rules.pass_score else None
    when, role = (taken, expires), role_of(stores, person)
    training = recorded(person, module, score, when, actor(), role=role, version=rules.version)
    with stores.audit.action("training.record", reason="passed" if training.passed else "failed") as counts:
        stores.trainings.add(training)
        counts["percent"] = round(100 * score)
    return training


def role_of(stores: Stores, person: str) -> str:
    """The role of a user of the page, locked out or not; empty for anybody else."""
    return next((user.role for user in stores.reviews("").users() if user.name == person), "")


def is_valid(stores: Stores, organisation: Organisation, person: str, module: str, now: datetime | None = None) -> bool:
    """True where somebody passed a module's training, and it counts still; of a module that nobody knows, never."""
    moment = now or datetime.now(UTC)
    if module not in organisation.training:
        return False
    return any(each.is_valid(moment) for each in stores.trainings.all(person, module))


def require(stores: Stores, organisation: Organisation, person: str, now: datetime | None = None) -> None:
    """Let nobody hear an original who lacks the training that the organisation wants for it.

    Raises:
        HeldForReview: they lack it.
        PolicyError: the organisation wants a module that it hasn't.
    """
    module = organisation.clear_access.training
    if not module:
        return
    module_of(organisation, module)
    if not is_valid(stores, organisation, person, module, now):
        raise HeldForReview(
            "who opens originals needs a valid training, and there is none on record",
            hint=f"take it: redact training exercise; then redact training score SHEET --module {module}",
            reason="training",
        )


def lacking(stores: Stores, organisation: Organisation, now: datetime | None = None) -> tuple[Lack, ...]:
    """Which users of the page lack a training that their role needs; users who are locked out need none."""
    moment = now or datetime.now(UTC)
    known = latest(stores.trainings.all())
    found = []
    for user in stores.reviews("").users():
        for name, module in sorted(organisation.training.items()):
            if user.disabled or user.role not in module.roles:
                continue
            last = known.get((user.name, name))
            if last is None or not last.is_valid(moment):
                why = "never" if last is None else "expired" if last.passed else "failed"
                since = last.expires_at if last is not None and last.passed else ""
                found.append(Lack(user.name, user.role, name, why, since))
    return tuple(found)


def table(trainings: Sequence[Training], language: str) -> str:
    """Trainings as CSV, in the order in which they are given; until when is empty where one was not passed.

    Args:
        trainings: to be told.
        language: of the heads, roles, yes and no.
    """
    told = words("training", language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(told[column] for column in _COLUMNS)
    for each in trainings:
        values = {
            "person": each.person, "role": each.role and term(each.role, language), "module": each.module,
            "version": each.version, "taken": each.taken_at, "score": f"{each.score:g}",
            "passed": told["yes" if each.passed else "no"], "until": each.expires_at if each.passed else "",
            "recorded_by": each.trainer,
        }  # fmt: skip
        writer.writerow(cell(values[column]) for column in _COLUMNS)
    return out.getvalue()
