"""Reports that are signed: noted when they are made, signed by the data protection officer, and checked ever after.

A report's files are known by their SHA-256. The log's key binds it to who signed, when and with which decision, so that
neither the file nor the signature can be changed unseen. A comment may hold anything: it is sealed in the vault.

A report that was made before its month was over tells of a part of it. It is not signed: the month would pass for done.
"""

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from redact.batch.archive import Archive
from redact.errors import Damaged, InputRejected, UsageError
from redact.governance.months import Month
from redact.governance.organisation import Organisation
from redact.governance.prose import empty_contact, refuse_gaps
from redact.governance.ran import ALL_RUNS
from redact.stores.audit import actor
from redact.stores.opened import Stores
from redact.stores.signatures import Signature, new_comment

# A comment is a page, not a book.
LONGEST_COMMENT_BYTES = 100_000
# What the officer signs with. Others sign under the same action: the audit of the installation, by the log's key.
_DECISIONS = frozenset({"approved", "comment"})
_NAME = re.compile(r"(monthly-\d{4}-\d{2})\b")


@dataclass(frozen=True, slots=True)
class Listed:
    """A month, and what is known of its report.

    Attributes:
        is_over: False for the month that we are in.
        built: how many times it was made.
        early: how many of these times before the month was over.
        signatures: those of the officer, of reports of the whole month; the last one last.
        partial: those of reports that tell of a part of it, as they could be signed once.
    """

    month: Month
    is_over: bool
    built: int
    early: int
    signatures: tuple[Signature, ...]
    partial: tuple[Signature, ...] = ()

    @property
    def is_due(self) -> bool:
        """True where the month is over, and nobody has signed a report of all of it."""
        return self.is_over and not self.signatures


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that is as it was made.

    Attributes:
        signatures: of the officer; none where nobody has signed it.
        until: up to when it tells, where it was made before its month was over; empty for all of the month.
    """

    signatures: tuple[Signature, ...]
    until: str = ""


def note(stores: Stores, document: str, files: Iterable[bytes], now: datetime | None = None) -> None:
    """Note that a document's files were made."""
    for content in files:
        digest = hashlib.sha256(content).hexdigest()
        stores.signatures.add(Signature(document, digest, "", actor(), "built"), stores.audit, now)


def sign(
    stores: Stores,
    organisation: Organisation,
    content: bytes,
    decision: Literal["approved", "comment"],
    comment: bytes = b"",
    now: datetime | None = None,
) -> Signature:
    """Sign a report in the name of the data protection officer.

    Args:
        stores: where things are kept.
        organisation: whose officer it is.
        content: of the file.
        decision: approved, or with a comment only.
        comment: in UTF-8; sealed.
        now: when; None for this moment.

    Raises:
        PolicyError: the officer is not named.
        InputRejected, Damaged: it is no report that was made here, or it was changed since.
        UsageError: it was made before its month was over; a comment was announced and is empty, or it is too long.
    """
    refuse_gaps("a signature", empty_contact(organisation.dpo, "dpo", ("name",)))
    if (decision == "comment" and not comment.strip()) or len(comment) > LONGEST_COMMENT_BYTES:
        raise UsageError("the comment is empty or too long", hint="give a file with it: --comment-file")
    built = _of(stores, content, "")[0]
    if _until(built):
        raise UsageError(
            "the report was made before its month was over, so it tells of a part of the month",
            hint="when the month is over, make it again and sign that: "
            f"redact report monthly --month {_month(built)} -o DIR --force",
        )
    if len(organisation.dpo.name) > 80:
        raise UsageError("the officer's name is too long to sign with", hint="80 characters at most: dpo.name")
    with stores.audit.action("document.sign", built.document, reason=decision) as counts:
        comment_id = ""
        if comment.strip():
            comment_id = new_comment(built.document)
            counts["comment_bytes"] = stores.vault.seal(io.BytesIO(comment), comment_id, "case")
        unsigned = Signature(built.document, built.sha256, "", organisation.dpo.name, decision, comment_id)
        return stores.signatures.add(unsigned, stores.audit, now)


def verify(stores: Stores, content: bytes, name: str = "") -> Verified:
    """That a file is as it was made, with the officer's signatures, and up to when it tells.

    Args:
        stores: where things are kept.
        content: of the file.
        name: of the file, which tells what it should be where its content no longer does.

    Raises:
        Damaged: the file, or a signature, was changed.
        InputRejected: it is no report that was made here.
    """
    built, *others = _of(stores, content, name)
    return Verified(tuple(each for each in others if each.decision != "built"), _until(built))


def _month(built: Signature) -> Month:
    return Month.parse(built.document.removeprefix("monthly-"))


def _until(built: Signature) -> str:
    """Up to when a report tells: the moment at which it was made; empty where its month was over then."""
    return "" if datetime.fromisoformat(built.at) >= _month(built).ends else built.at


def _of(stores: Stores, content: bytes, name: str) -> tuple[Signature, ...]:
    """All that is noted of a file, each checked; at least that it was made."""
    digest = hashlib.sha256(content).hexdigest()
    known = _checked(stores)
    here = tuple(each for each in known if each.sha256 == digest)
    if any(each.decision == "built" for each in here):
        return tuple(sorted(here, key=lambda each: each.decision != "built"))
    claimed = set(_NAME.findall(name)) | set(_NAME.findall(content.decode("utf-8", "replace")))
    if here or claimed & {each.document for each in known}:
        raise Damaged(
            "the report is not as it was made: it was changed, or made elsewhere",
            hint="make it again: redact report monthly",
        )
    raise InputRejected("that is no report that was made here", hint="make one with: redact report monthly -o DIR")


def _checked(stores: Stores) -> tuple[Signature, ...]:
    """All that is noted, none of it changed, and no signature gone that the log knows of.

    Raises:
        Damaged: somebody changed or removed one.
    """
    known = stores.signatures.all()
    signed = Counter(each.document for each in known if each.decision != "built")
    logged = Counter(
        each.object_id
        for each in stores.audit.entries()
        if each.action == "document.sign" and each.outcome == "done" and each.reason in _DECISIONS
    )
    if logged - signed:
        raise Damaged("a signature is gone that the log knows of", hint="tell who answers for data protection")
    if not all(stores.audit.is_signed(each.said(), each.signature) for each in known):
        raise Damaged("a signature was changed", hint="tell who answers for data protection")
    return known


def comments(stores: Stores, signatures: Iterable[Signature]) -> Iterator[tuple[Signature, str | None]]:
    """What was commented, in clear, logged; None for what was erased, as it was kept for long enough.

    Raises:
        KeyMissing: its key is not here.
    """
    for each in signatures:
        if each.comment_id and stores.is_erased(each.comment_id):
            yield each, None
        elif each.comment_id:
            with stores.audit.action("vault.open", each.comment_id, reason="comment"):
                yield each, b"".join(stores.vault.opened(each.comment_id, "case")).decode("utf-8", "replace")


def months(stores: Stores, organisation: Organisation, now: datetime | None = None) -> tuple[Listed, ...]:
    """Each month since the first run or report, to the last that is over or has a report.

    Raises:
        Damaged: a signature was changed.
    """
    made: dict[str, list[Signature]] = {}
    for each in _checked(stores):
        made.setdefault(each.document, []).append(each)
    reported = {Month.parse(document.removeprefix("monthly-")) for document in made if _NAME.fullmatch(document)}
    began = [
        run.began_at for url in organisation.archives for run in stores.ledger.archive(Archive(url).url).runs(ALL_RUNS)
    ]
    first = [Month.of(datetime.fromisoformat(at)) for at in began]
    if not (reported or first):
        return ()
    current = Month.of(now or datetime.now(UTC))
    at, last = min([*reported, *first]), max([*reported, current.before])
    found = []
    while at <= last:
        found.append(_listed(at, current, made))
        at = at.after
    return tuple(found)


def _listed(month: Month, current: Month, made: Mapping[str, list[Signature]]) -> Listed:
    here = made.get(f"monthly-{month}", [])
    times = {each.at: bool(_until(each)) for each in here if each.decision == "built"}
    early = {each.sha256 for each in here if each.decision == "built" and _until(each)}
    signed = [each for each in here if each.decision != "built"]
    return Listed(
        month, month < current, len(times), sum(times.values()),
        tuple(each for each in signed if each.sha256 not in early),
        tuple(each for each in signed if each.sha256 in early),
    )  # fmt: skip
