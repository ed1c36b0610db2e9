"""The stores of a run, each opened when it is first asked for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from redact.errors import UsageError
from redact.settings import Settings
from redact.stores import kms, master
from redact.stores.approvals import Approvals
from redact.stores.audit import Audit
from redact.stores.cases import Cases
from redact.stores.certificates import BESIDE, Certificates
from redact.stores.consent import Consent
from redact.stores.data_keys import DataKeys
from redact.stores.database import Database, History, connect
from redact.stores.ledger import Ledger
from redact.stores.marks import ORIGINAL_ALONE, Marks
from redact.stores.notices import Notices
from redact.stores.proposals import Proposals
from redact.stores.reviews import Reviews
from redact.stores.signatures import Signatures
from redact.stores.subject_index import SubjectIndex
from redact.stores.trainings import Trainings
from redact.stores.vault import Vault


@dataclass(frozen=True)  # without slots: what is opened is kept
class Stores:
    """Where things are kept, as the settings say.

    Attributes:
        moving: master keys in place of those of the settings, while keys go from one service to another.

    Raises:
        RedactError: when something is asked for: its key is missing, or its database can't be opened.
    """

    settings: Settings
    moving: master.MasterKeys | None = None

    @cached_property
    def masters(self) -> master.MasterKeys:
        """What wraps the keys of recordings: a key service where the settings name one, else the ring."""
        return self.moving or kms.service(self.settings["master_keys"]) or self.ring

    @cached_property
    def ring(self) -> master.Ring:
        """The master keys: of the file, or of the environment where there is no such file and none was named."""
        return master.read(self.ring_file)

    @property
    def ring_file(self) -> Path | None:
        """The file of master keys; None where systemd or the environment hands them over."""
        file = Path(self.settings["master_keys"])
        return file if file.exists() or self.settings.values["master_keys"].origin != "default" else None

    @property
    def writable_ring_file(self) -> Path:
        """The file, where the keys lie in one.

        Raises:
            UsageError: they are handed over otherwise.
        """
        if self.ring_file is None or kms.service(self.settings["master_keys"]):
            raise UsageError("the master keys are not in a file", hint="change them where they come from")
        return self.ring_file

    @cached_property
    def keys(self) -> DataKeys:
        """The keys of recordings."""
        masters = self.masters  # first: without one, no empty store of keys is left behind
        return DataKeys(self._connected("keyring", "keyring"), masters)

    @cached_property
    def _records(self) -> Database:
        return self._connected("records", "records")

    @cached_property
    def _open(self) -> list[Database]:
        return []

    def _connected(self, name: str, history: History) -> Database:
        database = connect(self.settings[name], history)
        self._open.append(database)
        return database

    def close(self) -> None:
        """Close the databases that were opened; they are opened again where something is asked for."""
        for database in self._open:
            database.close()

    @cached_property
    def audit(self) -> Audit:
        """The log."""
        return Audit(self._records, self.keys, Path(self.settings["audit_heads"]))

    @cached_property
    def consent(self) -> Consent:
        """Lawful bases."""
        return Consent(self._records, self.keys)

    @cached_property
    def ledger(self) -> Ledger:
        """What batches have done."""
        return Ledger(self._connected("ledger", "batches"), self.keys)

    @cached_property
    def _governance(self) -> Database:
        return self._connected("governance", "governance")

    @cached_property
    def cases(self) -> Cases:
        """Requests by people, and breaches."""
        return Cases(self._governance)

    @cached_property
    def marks(self) -> Marks:
        """Legal holds and restrictions."""
        return Marks(self._governance)

    @cached_property
    def certificates(self) -> Certificates:
        """Of what was erased; those that an old backup of the database lacks are taken in again.

        Raises:
            RedactError: also where they can't be.
        """
        found = Certificates(self._governance, Path(self.settings["audit_heads"]).with_name(BESIDE))
        found.catch_up(lambda document, signature: self.audit.is_signed(document, signature))
        return found

    @cached_property
    def index(self) -> SubjectIndex:
        """Who is in which recording."""
        return SubjectIndex(self._governance, self.keys)

    @cached_property
    def notices(self) -> Notices:
        """What people are told, in all its versions."""
        return Notices(self._governance)

    @cached_property
    def signatures(self) -> Signatures:
        """Of documents."""
        return Signatures(self._governance)

    @cached_property
    def trainings(self) -> Trainings:
        """Who was trained in what."""
        return Trainings(self._governance)

    @cached_property
    def _reviews(self) -> Database:
        return self._connected("reviews", "qa")

    def reviews(self, outputs: str) -> Reviews:
        """What the QA team has decided about the calls of a folder of outputs, by its URL."""
        return Reviews(self._reviews, self.ledger.pseudonym("archive", outputs))

    def proposals(self, outputs: str) -> Proposals:
        """What reviewers propose for the lists, of the same."""
        return Proposals(self._reviews, self.ledger.pseudonym("archive", outputs), self.keys)

    def approvals(self, outputs: str) -> Approvals:
        """Who may hear originals by a second person's word, of the same."""
        return Approvals(self._reviews, self.ledger.pseudonym("archive", outputs))

    @cached_property
    def vault(self) -> Vault:
        """Sealed files."""
        return Vault(Path(self.settings["vault"]), self.keys, self.is_erased)

    def is_erased(self, recording_id: str) -> bool:
        """True where a recording was erased for good, or is just being erased."""
        return self.certificates.is_erased(recording_id) or self.marks.has(recording_id, "erasing")

    def is_gone(self, recording_id: str) -> bool:
        """True where its redacted outputs were erased with it, or are just being erased."""
        mark = self.marks.of(recording_id, "erasing")
        is_going = mark is not None and not mark.reason.endswith(f".{ORIGINAL_ALONE}")
        return is_going or self.certificates.is_erased(recording_id, with_outputs=True)
