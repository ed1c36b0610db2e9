"""One check of an installation: what was looked at, what came of it, and what to do."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from redact.governance import organisation
from redact.governance.organisation import Organisation
from redact.settings import Settings
from redact.stores import kms
from redact.stores.opened import Stores

Result = Literal["ok", "warning", "failed", "unknown"]
Evidence = Mapping[str, int | str]
RESULTS: tuple[Result, ...] = get_args(Result)
# The databases of an installation, by their settings.
DATABASES = ("records", "keyring", "ledger", "reviews", "governance")
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Check:
    """What came of a check.

    Attributes:
        check_id: a name that stays.
        result: `failed` where something is wrong, `warning` where it could be better, `unknown` where nobody can tell.
        evidence: what it rests on: counts, times, words of fixed lists and names of settings. No value, no file's name.
        hint: what to do; empty where nothing is.
    """

    check_id: str
    result: Result
    evidence: Evidence = field(default_factory=dict)
    hint: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the evidence, in hex: equal as long as nothing has changed."""
        return hashlib.sha256(json.dumps(dict(self.evidence), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)  # without slots: what is read is kept
class Installation:
    """What is checked.

    Attributes:
        settings: of the installation.
        stores: that they name.
        now: the moment of the check.
        keyring_backups: folder of the backups of the store of keys; None where nobody said.
        backup_days: so long may one be kept.
    """

    settings: Settings
    stores: Stores
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    keyring_backups: Path | None = None
    backup_days: int = 7

    @cached_property
    def organisation(self) -> Organisation:
        """Who answers for it, and the limits that they set."""
        return organisation.load(self.settings["organisation"])

    @property
    def vault(self) -> Path:
        """The vault's folder."""
        return Path(self.settings["vault"])

    @property
    def heads(self) -> Path:
        """The file of signed heads."""
        return Path(self.settings["audit_heads"])

    @property
    def master_keys(self) -> Path | None:
        """The file of master keys; None where they lie in none."""
        return None if kms.service(self.settings["master_keys"]) else self.stores.ring_file

    def database(self, name: str) -> Path | None:
        """The file of a database; None where it lies on a server."""
        url = self.settings[name]
        return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
