"""Certificates of what was erased: ids, times and counts, signed. They outlive what they are about, which is the point.

They also tell what must stay erased: whoever restores an old backup of the keyring beside them gets nothing back.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Column, MetaData, String, Table, Text, insert, select

from redact.stores.audit import Audit
from redact.stores.cases import said
from redact.stores.database import Database

# What a certificate is about: a recording with all that came of it; its original alone; what was made from it; a case;
# what was commented when a report was signed.
Scope = Literal["recording", "original", "analyses", "case", "comment"]

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
    """

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """Certify an erasure that was done, signed by the log's key."""
        now = datetime.now(UTC)
        certificate_id = f"erasure-{now:%Y%m%d}-{secrets.token_hex(4)}"
        certificate = Certificate(certificate_id, recording_id, said(now), reason, case_id, dict(counts), scope)
        certificate = replace(certificate, signature=audit.sign(certificate.said()))
        row = {**asdict(certificate), "counts": json.dumps(dict(sorted(counts.items())))}
        with self._database.writing() as connection:
            connection.execute(insert(_CERTIFICATES).values(row))
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
