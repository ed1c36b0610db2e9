"""Certificates of what was erased: ids, times and counts, signed. They outlive what they are about, which is the point.

They also tell what must stay erased: whoever restores an old backup of the keyring beside them gets nothing back. Each
is written to a file beside the log's signed heads as well, which should lie elsewhere: where this database too comes
from an old backup, those that it lacks are taken in again from there.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Column, MetaData, String, Table, Text, insert, select

from redact.errors import CannotWrite, Damaged
from redact.stores.audit import Audit
from redact.stores.cases import said
from redact.stores.database import Database
from redact.stores.heads import append, last_line

# What a certificate is about: a recording with all that came of it; its original alone; what was made from it; a case;
# what was commented when a report was signed.
Scope = Literal["recording", "original", "analyses", "case", "comment"]

# The file of them, beside the log's signed heads.
BESIDE = "erasures.jsonl"

_CERTIFICATES = Table(
    "certificates", MetaData(),
    Column("certificate_id", String, primary_key=True), Column("recording_id", String), Column("at", String),
    Column("reason", String), Column("case_id", String), Column("counts", Text), Column("signature", String),
    Column("scope", String),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a recording, a case or a comment was erased.

    Attributes:
        recording_id: of the recording; of the case or comment, where the scope is that.
        reason: one word of few, such as `retention` or `request`.
        case_id: of the request, if there was one; empty else.
        counts: of what was removed: outputs, sealed files, keys and so on.
        signature: by the log's key, over all the rest.
    """

    certificate_id: str
    recording_id: str
    at: str
    reason: str
    case_id: str
    counts: Mapping[str, int]
    scope: Scope = "recording"
    signature: str = ""

    def said(self) -> bytes:
        """What is signed."""
        return json.dumps({**asdict(self), "signature": ""}, sort_keys=True).encode()


class Certificates:
    """All certificates.

    Args:
        database: with the history `governance`.
        beside: file in which they are kept as well; None for none.
    """

    def __init__(self, database: Database, beside: Path | None = None) -> None:
        self._database = database
        self._beside = beside

    def catch_up(self, is_signed: Callable[[bytes, str], bool]) -> int:
        """Take in those that the file has and the database lacks, for it comes from an old backup; how many.

        Args:
            is_signed: tells whether a document was signed by this log.

        Raises:
            Damaged: a line of the file is no certificate of this log.
        """
        last = last_line(self._beside) if self._beside else ""
        newest = _read(last)
        if not self._beside or not last or (newest and self._has(newest)):
            return 0
        lines = self._beside.read_text(encoding="utf-8", errors="replace").rpartition("\n")[0].splitlines()
        known, missing = {each.certificate_id for each in self.all()}, []
        for number, line in enumerate(lines, 1):
            read = _read(line)
            if read is None or not is_signed(read.said(), read.signature):
                raise Damaged(
                    f"the file of certificates does not hold at line {number}",
                    hint=f"bring {self._beside.name} back from a copy, or tell who answers for data protection",
                )
            if read.certificate_id not in known:
                missing.append(_row(read))
        with self._database.writing() as connection:
            for row in missing:
                connection.execute(insert(_CERTIFICATES).values(row))
        return len(missing)

    def _has(self, certificate: Certificate) -> bool:
        here = select(_CERTIFICATES.c.at).where(_CERTIFICATES.c.certificate_id == certificate.certificate_id)
        with self._database.reading() as connection:
            return connection.execute(here).first() is not None

    def add(
        self,
        audit: Audit,
        recording_id: str,
        counts: Mapping[str, int],
        *,
        reason: str,
        case_id: str = "",
        scope: Scope = "recording",
    ) -> Certificate:
        """Certify an erasure that was done, signed by the log's key.

        Raises:
            CannotWrite: it can't be written beside the log's heads. It has to be certified again.
        """
        now = datetime.now(UTC)
        certificate_id = f"erasure-{now:%Y%m%d}-{secrets.token_hex(4)}"
        certificate = Certificate(certificate_id, recording_id, said(now), reason, case_id, dict(counts), scope)
        certificate = replace(certificate, signature=audit.sign(certificate.said()))
        with self._database.writing() as connection:
            connection.execute(insert(_CERTIFICATES).values(_row(certificate)))
        if self._beside:
            try:
                append(self._beside, json.dumps(asdict(certificate)))
            except OSError:
                raise CannotWrite(
                    "the certificate can't be written beside the log's signed heads",
                    hint="check the disk they lie on, and run it again",
                ) from None
        return certificate

    def all(self, case_id: str | None = None) -> tuple[Certificate, ...]:
        """All, or those of a case, by their time."""
        wanted = select(_CERTIFICATES).order_by(_CERTIFICATES.c.at, _CERTIFICATES.c.certificate_id)
        if case_id is not None:
            wanted = wanted.where(_CERTIFICATES.c.case_id == case_id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Certificate(**{**row._mapping, "counts": json.loads(row.counts)}) for row in rows)

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who applies retention.

        Raises:
            Locked: another one does.
        """
        return self._database.alone("retention")

    def is_erased(self, recording_id: str, *, with_outputs: bool = False) -> bool:
        """True where it was erased for good: a recording with its outputs, or be it without them; a case; a comment."""
        scopes: tuple[Scope, ...] = ("recording",) if with_outputs else ("recording", "original", "case", "comment")
        wanted = _CERTIFICATES.c.scope.in_(scopes)
        here = select(_CERTIFICATES.c.certificate_id).where((_CERTIFICATES.c.recording_id == recording_id) & wanted)
        with self._database.reading() as connection:
            return connection.execute(here).first() is not None


def _row(certificate: Certificate) -> dict[str, Any]:
    return {**asdict(certificate), "counts": json.dumps(dict(sorted(certificate.counts.items())))}


def _read(line: str) -> Certificate | None:
    try:
        read = Certificate(**json.loads(line))
    except (ValueError, TypeError):
        return None
    return read if isinstance(read.certificate_id, str) else None
