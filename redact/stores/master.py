"""Master keys: they wrap the keys of recordings, and nothing else. A key service can take the file's place.

A ring holds the current key and, while recordings' keys are wrapped anew, the ones before it.
"""

import base64
import binascii
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from redact.errors import CannotWrite, Damaged, KeyMissing, Locked
from redact.keys import read_private
from redact.publish import Staged
from redact.settings import CREDENTIAL, CREDENTIALS, HANDED_KEYS

KEY_BYTES = 32
# Why something is refused: a word for whoever can go on without it.
KEY_CHANGED = "key_changed"
_NONCE_BYTES = 12
# Longer than any ring: nobody's whole disk is read because a path was wrong.
_LONGEST = 1 << 20
_WHAT, _MEND = "the file of master keys", "chmod 400 it, and rotate"
_HINT = f"make one with: redact keys init; or hand it over as systemd's credential {CREDENTIAL} or in {HANDED_KEYS}"


class MasterKeys(Protocol):
    """What wraps and unwraps the keys of recordings: this module's ring, or a key service.

    Attributes:
        current: id of the key that wraps.
    """

    @property
    def current(self) -> str:
        """Id of the key that wraps."""

    def holds(self, master_id: str) -> bool:
        """True where `unwrap` may know a key of this id."""

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """A key, encrypted by the current one, that opens only together with what it is bound to."""

    def unwrap(self, master_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key again.

        Raises:
            KeyMissing: that master key isn't here, or what was wrapped is not what is given.
        """


@dataclass(frozen=True, slots=True)
class Ring:
    """Master keys by their ids; the last is the current one."""

    secrets: Mapping[str, bytes] = field(repr=False)
    made_at: Mapping[str, str]

    @property
    def current(self) -> str:
        """Id of the key that wraps."""
        return list(self.secrets)[-1]

    def holds(self, master_id: str) -> bool:
        """True where a key of this id is in the ring."""
        return master_id in self.secrets

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """A nonce and the key, encrypted with AES-256-GCM."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.secrets[self.current]).encrypt(nonce, key, _bound(self.current, bound_to))

    def unwrap(self, master_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key again.

        Raises:
            KeyMissing: that master key isn't here, or what was wrapped is not what is given.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        secret = self.secrets.get(master_id)
        if secret is None:
            raise KeyMissing(
                f"the master key {master_id} is not among those that are here", hint="give the ring that holds it"
            )
        try:
            return AESGCM(secret).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _bound(master_id, bound_to))
        except (InvalidTag, ValueError):
            raise KeyMissing(
                "a recording's key does not open: it was changed, or belongs to another recording",
                hint="restore the store of keys from its backup",
                reason=KEY_CHANGED,
            ) from None

    def with_new(self, now: datetime) -> "Ring":
        """The ring with one more key, which is the current one."""
        name = secrets.token_hex(4)
        made_at = {**self.made_at, name: now.isoformat(timespec="seconds")}
        return Ring({**self.secrets, name: secrets.token_bytes(KEY_BYTES)}, made_at)

    def only_current(self) -> "Ring":
        """The ring without the keys before the current one."""
        name = self.current
        return Ring({name: self.secrets[name]}, {name: self.made_at[name]})


@dataclass(frozen=True, slots=True)
class Moving:
    """Two services at once, while keys go from one to the other: the new one wraps, either unwraps.

    Attributes:
        new: what wraps from now on.
        old: what has wrapped until now.
    """

    new: MasterKeys
    old: MasterKeys

    @property
    def current(self) -> str:
        """Id of the key that wraps."""
        return self.new.current

    def holds(self, master_id: str) -> bool:
        """True where either knows it."""
        return self.new.holds(master_id) or self.old.holds(master_id)

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """A key, encrypted by the new service."""
        return self.new.wrap(key, bound_to)

    def unwrap(self, master_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key again, by the service that knows its master key.

        Raises:
            KeyMissing: neither does, or what was wrapped is not what is given.
        """
        service = self.new if self.new.holds(master_id) else self.old
        return service.unwrap(master_id, wrapped, bound_to)


def _bound(master_id: str, bound_to: bytes) -> bytes:
    return b"callredact data key 1|" + master_id.encode() + b"|" + bound_to


def new(now: datetime | None = None) -> Ring:
    """A ring of one new key."""
    return Ring({}, {}).with_new(now or datetime.now(UTC))


def read(file: Path | None) -> Ring:
    """The ring of a file; without one, that of systemd's credentials, or of the environment.

    Raises:
        KeyMissing: there is none, others may read it, or what is there is no ring.
    """
    folder = os.environ.get(CREDENTIALS)
    text = os.environ.get(HANDED_KEYS)
    if file is None and folder and (Path(folder) / CREDENTIAL).exists():
        # systemd gives a credential to a service's account by an ACL, whose mask shows as the group's bits.
        return _of_text(read_private(Path(folder) / CREDENTIAL, _WHAT, _LONGEST, forbidden=0o037, mend=_MEND))
    if file is not None:
        return _of_text(read_private(file, _WHAT, _LONGEST, mend=_MEND))
    if text:
        return _of_text(text.encode())
    raise KeyMissing("no master key is given", hint=_HINT)


def write(ring: Ring, file: Path, *, replace: bool = False) -> None:
    """Write a ring to a file that its owner alone may read: all of it, or nothing.

    Raises:
        CannotWrite: it can't be written, or is there already and shall not be replaced.
    """
    keys = [
        {"id": name, "made_at": ring.made_at[name], "secret": base64.b64encode(secret).decode()}
        for name, secret in ring.secrets.items()
    ]
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Staged(file.parent, private=True) as staged:
            opened = staged.open(file.name)
            os.fchmod(opened.fileno(), 0o400)
            opened.write(json.dumps({"redact_master_keys": 1, "keys": keys}, indent=1).encode())
            staged.publish(force=replace)
    except (OSError, CannotWrite):
        if file.exists() and not replace:
            told, hint = "there is a file of master keys already", "add a key with: redact keys rotate"
        else:
            told, hint = "can't write the file of master keys", "check its folder, or set another as master_keys"
        raise CannotWrite(told, hint=hint) from None


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep others from changing the ring of a file meanwhile.

    Raises:
        Locked: somebody else is changing it.
        CannotWrite: the folder can't be written to.
    """
    try:
        opened = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        raise CannotWrite("the folder of the master keys can't be written to", hint="check whose it is") from None
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("the master keys are being changed by another run", hint="wait until it has ended") from None
        yield
    finally:
        os.close(opened)


def _of_text(content: bytes) -> Ring:
    try:
        raw = json.loads(content)
        found = {str(key["id"]): base64.b64decode(key["secret"], validate=True) for key in raw["keys"]}
        made_at = {str(key["id"]): str(key["made_at"]) for key in raw["keys"]}
        version = raw["redact_master_keys"]
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        found, made_at, version = {}, {}, None  # raised below, where no traceback holds on to the text
    if version != 1 or not found or any(len(secret) != KEY_BYTES for secret in found.values()):
        raise KeyMissing("what is given as master keys is no ring of such", hint=_HINT)
    return Ring(found, made_at)


def check(ring: MasterKeys) -> None:
    """Wrap and unwrap something, before anything depends on it.

    Raises:
        Damaged: what comes back is something else.
    """
    probe = secrets.token_bytes(KEY_BYTES)
    if ring.unwrap(ring.current, ring.wrap(probe, b"probe"), b"probe") != probe:
        raise Damaged("the master key does not give back what it wrapped", hint="make another with: redact keys init")
