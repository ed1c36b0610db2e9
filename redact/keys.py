"""The key of what is keyed in the text: read from the environment or a file, and never shown.

One secret of 32 bytes; each purpose has a subkey of its own (HKDF with SHA-256, RFC 5869), so that what is made for one
purpose says nothing about another's.
"""

import base64
import binascii
import hmac
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from redact.errors import KeyMissing

ENVIRONMENT = "REDACT_KEY"
KEY_BYTES = 32
HINT = (
    "make one with: (umask 077; head -c 32 /dev/urandom > redact.key); "
    f"give it as --key-file redact.key, or as 64 hex digits in the environment's {ENVIRONMENT}"
)
Purpose = Literal["hash", "encrypt", "pseudonym", "surrogate"]

# Longer than any way of writing a key: nobody's whole disk is read because a path was wrong.
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """A secret of 32 bytes.

    Raises:
        KeyMissing: it has another length.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise KeyMissing(f"a key has {KEY_BYTES} bytes, this one has another length", hint=HINT)

    def subkey(self, purpose: Purpose) -> bytes:
        """32 bytes for one purpose."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"callredact 1 {purpose}".encode()).derive(self.secret)


def mac(subkey: bytes, entity_type: str, value: str) -> bytes:
    """HMAC-SHA256 of a value of a type: equal for the same value, and not to be found by trying without the key."""
    return hmac.digest(subkey, f"{entity_type}\0{value}".encode("utf-8", "surrogatepass"), "sha256")


def read(file: Path | None = None) -> Key | None:
    """The key of a file; without one, that of the environment, if it has one.

    Raises:
        KeyMissing: there is no such file, others may read it, or what is there is no key.
    """
    if file is not None:
        return _of_file(file)
    text = os.environ.get(ENVIRONMENT)
    if not text:
        return None
    return _of_text(text, f"what {ENVIRONMENT} holds")


def required(key: Key | None, what: str) -> Key:
    """The key, which has to be there.

    Args:
        key: None where none was given.
        what: needs it, for the message.

    Raises:
        KeyMissing: it is not.
    """
    if key is None:
        raise KeyMissing(f"{what} needs a key, and none was given", hint=HINT)
    return key


def read_private(
    file: Path, what: str, most: int, *, forbidden: int = 0o077, mend: str = "chmod 600 it; and make a new key"
) -> bytes:
    """The content of a file that its owner alone may read. Read once, so that what was checked is what is used.

    Args:
        file: to read.
        what: it is, for the message.
        most: bytes to read.
        forbidden: bits of the mode that it must not have.
        mend: what to do if it has one.

    Raises:
        KeyMissing: it can't be read, or others may read it.
    """
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(most)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "the system gave no reason"
        raise KeyMissing(f"can't read {what}: {why}", hint="check the path and whose file it is") from None
    if stat.S_IMODE(mode) & forbidden:
        raise KeyMissing(f"{what} is open to others than its owner", hint=mend)
    return content


def _of_file(file: Path) -> Key:
    """Raw bytes, or text."""
    content = read_private(file, "the key file", _LONGEST)
    if len(content) == KEY_BYTES and not all(32 <= byte < 127 or byte in b"\r\n" for byte in content):
        return Key(content)
    return _of_text(content.decode("ascii", "replace"), "what the key file holds")


def _of_text(text: str, what: str) -> Key:
    """64 hex digits, or base64 of either alphabet. 32 letters are a passphrase, never a key."""
    text = text.strip()
    secret = b""
    try:
        if len(text) == 2 * KEY_BYTES:
            secret = bytes.fromhex(text)
        elif len(text.rstrip("=")) == -(-KEY_BYTES * 4 // 3):
            plain = text.rstrip("=").replace("-", "+").replace("_", "/")
            secret = base64.b64decode(plain + "=", validate=True)
    except (ValueError, binascii.Error):
        pass  # raised below, where no traceback holds on to the text
    if len(secret) != KEY_BYTES:
        raise KeyMissing(f"{what} is no key: neither 32 random bytes, nor 64 hex digits, nor base64 of 32", hint=HINT)
    return Key(secret)
