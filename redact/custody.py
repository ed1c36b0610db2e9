"""Around the redaction of a call, where stores are set: a lawful basis before it, the log, and the sealed original."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from redact import naming
from redact.errors import NoLawfulBasis
from redact.options import NO_CUSTODY, Custody
from redact.stores.data_keys import IDS
from redact.stores.opened import Stores


class Custodian:
    """Takes calls into custody.

    Args:
        stores: where things are kept.
        requires_basis: no call is read without a lawful basis.
        seals: originals are kept in the vault.
        call_id: of the one call; None for the names of the files, without their endings.
        recorded_at: when the one recording began, ISO 8601 in UTC; empty for what its records say.
    """

    def __init__(
        self, stores: Stores, *, requires_basis: bool, seals: bool, call_id: str | None = None, recorded_at: str = ""
    ) -> None:
        self._stores = stores
        self._requires_basis = requires_basis
        self._seals = seals
        self._call_id = call_id
        self._recorded_at = recorded_at

    @contextmanager
    def of(self, path: Path) -> Iterator[Custody]:
        """Custody of a call while it is redacted.

        Raises:
            NoLawfulBasis: one is required, and none counts. Nothing of the call was read.
            RedactError: it can't be logged, or what the redaction raises.
        """
        # A file's name may say something personal: records are looked up by it, but it is written nowhere.
        call_id = self._call_id or path.stem
        audit, consent = self._stores.audit, self._stores.consent
        if self._requires_basis:
            try:
                records = consent.require(call_id, self._recorded_at)
            except NoLawfulBasis:
                audit.add("redact", "refused", self._call_id or "-", reason="NoLawfulBasis")
                raise
        else:
            records = tuple(r for r in consent.of(call_id) if not r.refusal(self._recorded_at))
        recording_id = self._call_id or _opaque(path)
        with audit.action("redact", recording_id):
            basis = ", ".join(sorted({record.basis for record in records})) or NO_CUSTODY.basis

            def seal(content: BinaryIO) -> None:
                with audit.action("vault.seal", recording_id) as sealed:
                    sealed["bytes"] = self._stores.vault.seal(content, recording_id, "original")

            yield Custody(basis, seal if self._seals and IDS.fullmatch(recording_id) else None)


def _opaque(path: Path) -> str:
    """An id that says nothing; `-` where the file can't be read, which redacting it tells better."""
    try:
        with path.open("rb") as file:
            return naming.opaque(hashlib.file_digest(file, "sha256").hexdigest())
    except OSError:
        return "-"
