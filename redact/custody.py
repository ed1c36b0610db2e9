"""Around the redaction of a call, where stores are set: a lawful basis before it, the log, and the sealed original."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from redact import naming, subjects
from redact.errors import KeyMissing, NoLawfulBasis, RedactError
from redact.options import NO_CUSTODY, Custody
from redact.stores.data_keys import IDS, NO_KEY, NOTHING_SEALED
from redact.stores.opened import Stores
from redact.stores.vault import NOT_WHOLE, Kind, Vault, erased
from redact.subjects import Term

_NOTHING: Mapping[str, str] = {}


class Custodian:
    """Takes calls into custody: first `basis`, then `of`.

    Args:
        stores: where things are kept.
        requires_basis: no call is read without a lawful basis.
        seals: originals, and transcripts in clear where the policy keeps them, go to the vault.
        indexes: who is in a call is noted in the keyed index.
    """

    def __init__(self, stores: Stores, *, requires_basis: bool, seals: bool, indexes: bool = True) -> None:
        self._stores = stores
        self._requires_basis = requires_basis
        self._seals = seals
        self._indexes = indexes

    def open(self) -> None:
        """Open the index, where one is kept: what is wrong with it shows before the first call.

        Raises:
            RedactError: it can't be opened.
        """
        if self._indexes:
            _ = self._stores.index

    def basis(self, call_id: str, recorded_at: str = "", *, logged_as: str = "-") -> str:
        """What allows a call to be processed, asked before a byte of it is read.

        Args:
            call_id: by which it is recorded. It may be a file's name, and say something: it is written nowhere.
            recorded_at: when the recording began, ISO 8601 in UTC; empty for what the records say.
            logged_as: id of the call in the log, should it be refused.

        Raises:
            NoLawfulBasis: one is required, and none counts.
            RedactError: the refusal can't be logged.
        """
        consent = self._stores.consent
        if self._requires_basis:
            try:
                records = consent.require(call_id, recorded_at)
            except NoLawfulBasis:
                self._stores.audit.add("redact", "refused", logged_as, reason="NoLawfulBasis")
                raise
        else:
            records = tuple(r for r in consent.of(call_id) if not r.refusal(recorded_at))
        return ", ".join(sorted({record.basis for record in records})) or NO_CUSTODY.basis

    def check(self, *ids: str) -> None:
        """A recording that was erased for good is not taken up again, and one that is restricted is not used.

        Args:
            ids: by which it is known; those that are none are passed over.

        Raises:
            NoLawfulBasis: it was erased.
            HeldForReview: it is restricted.
            RedactError: the refusal can't be logged.
        """
        for recording_id in filter(IDS.fullmatch, ids):
            try:
                if self._stores.is_erased(recording_id):
                    raise erased()
                self._stores.marks.require_unrestricted(recording_id)
            except RedactError as error:
                self._stores.audit.add("redact", "refused", recording_id, reason=error.reason)
                raise

    def require_kept(self, withdraw: Callable[[], object], *ids: str) -> None:
        """To be asked once outputs are published: whoever erased the recording meanwhile may have looked before that.

        Erasing marks a recording first, and looks for its outputs then: one of the two sees the other.

        Args:
            withdraw: removes the outputs.
            ids: by which the recording is known; those that are none are passed over.

        Raises:
            NoLawfulBasis: it was erased. Its outputs are withdrawn, with what was sealed and noted.
        """
        known = list(filter(IDS.fullmatch, ids))
        if any(map(self._stores.is_gone, known)):
            withdraw()
            for recording_id in known:
                self._stores.vault.erase(recording_id)
                self._stores.index.forget(recording_id)
            raise erased()

    @contextmanager
    def of(self, recording_id: str, basis: str, beside: Mapping[str, str] = _NOTHING) -> Iterator[Custody]:
        """Custody of a call while it is redacted.

        Args:
            recording_id: that log and vault know it by; `-` where it has none.
            basis: as `basis` told it.
            beside: what its metadata say: `call_id`, `customer_id`, `phone`.

        Raises:
            RedactError: it can't be logged, or what the redaction raises.
        """
        audit, vault = self._stores.audit, self._stores.vault

        def seal(content: BinaryIO, kind: Kind) -> None:
            with audit.action("vault.seal", recording_id, reason=kind) as sealed:
                sealed["bytes"] = vault.seal(content, recording_id, kind)

        has_id = bool(IDS.fullmatch(recording_id))
        with audit.action("redact", recording_id) as counts:

            def index(told: Iterable[Term]) -> None:
                counts["terms"] = self.index(recording_id, told, beside)

            yield Custody(basis, seal if self._seals and has_id else None, index if self._indexes and has_id else None)

    def index(self, recording_id: str, told: Iterable[Term], beside: Mapping[str, str] = _NOTHING) -> int:
        """Note who is in a recording, in place of what was noted before; how many terms that are.

        What the metadata of all its places say stays noted: it is sealed beside its id.

        Raises:
            RedactError: it can't be noted.
        """
        known = (beside, *sources_of(self._stores.vault, recording_id))
        terms = {*told, *(term for one in known for term in terms_beside(one))}
        return self._stores.index.put(recording_id, terms)


def sources_of(vault: Vault, recording_id: str) -> list[dict[str, str]]:
    """Where a recording lies, and what its metadata say in clear; empty where unknown, or where it can't be read now.

    Each has `source`, `call_id` and `agent`, and `customer_id` and `phone` where the metadata say them.
    """
    try:
        return known_sources(vault, recording_id)
    except KeyMissing:
        return []


def known_sources(vault: Vault, recording_id: str) -> list[dict[str, str]]:
    """The same, for whoever changes or removes what is there: empty only where nothing is known.

    Raises:
        KeyMissing: it is sealed, and its key can't be had, or the file isn't whole (`NOT_WHOLE`).
    """
    try:
        told: list[dict[str, str]] = json.loads(b"".join(vault.opened(recording_id, "map")))
    except KeyMissing as error:
        if error.reason in {NO_KEY, NOTHING_SEALED}:
            return []
        raise
    return told


def call_names(places: Iterable[Mapping[str, str]]) -> set[str]:
    """What the calls of a recording are known by in the records: an id, or the name of a file that has none.

    Args:
        places: where it lies, as `sources_of` tells them.
    """
    return {told.get("call_id") or PurePosixPath(told["source"]).stem for told in places}


def note_source(vault: Vault, recording_id: str, own: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Seal what is known of one place at which a recording lies, beside what is known of the others; all of its places.

    Raises:
        NoLawfulBasis: the recording was erased for good.
        RedactError: it can't be sealed; or what is there can't be read now, and must not be written over.
    """
    before: Sequence[Mapping[str, str]] = ()
    try:
        before = known_sources(vault, recording_id)
    except KeyMissing as error:
        if error.reason != NOT_WHOLE:
            raise
    old: Mapping[str, str] = next((each for each in before if each["source"] == own["source"]), {})
    new = {**old, **own}
    places = [*(each for each in before if each["source"] != own["source"]), new]
    if new != old:  # the same recording may lie at several places
        vault.seal(BytesIO(json.dumps(places).encode()), recording_id, "map")
    return places


def terms_beside(told: Mapping[str, str]) -> frozenset[Term]:
    """What metadata say of whose a call is. A call's id is a reference, be it as long as a card's number."""
    found = subjects.written_down("reference", told.get("customer_id", ""))
    found |= subjects.written_down("phone", told.get("phone", ""))
    return found | subjects.of_id(told.get("call_id", ""))


def opaque_id(path: Path) -> str:
    """An id that says nothing; `-` where the file can't be read, which redacting it tells better."""
    try:
        with path.open("rb") as file:
            return naming.opaque(hashlib.file_digest(file, "sha256").hexdigest())
    except OSError:
        return "-"
