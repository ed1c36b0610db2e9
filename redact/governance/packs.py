"""A pack for a person, encrypted by a passphrase: what may be sent, and opened with `redact subject open-pack`.

The file is `REDACTP` and a byte for the version, a byte for scrypt's cost (the binary logarithm of N; r is 8 and p is
1), 16 bytes of salt, and then a file as the vault has them (`redact.stores.vault`): chunks of 1 MiB encrypted with
AES-256-GCM by the STREAM construction, each bound to a header that names the case. Scrypt (RFC 7914) makes the key.
Nothing of a pack is given out before all of it has been found whole.
"""

import hashlib
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from redact.errors import InputRejected, KeyMissing
from redact.stores import vault
from redact.stores.data_keys import DataKey

SUFFIX = ".redact-pack"
_MAGIC = b"REDACTP\x01"
_SALT_BYTES, _KEY_BYTES = 16, 32
# OWASP's advice for scrypt: N of 2^17 with r of 8, which takes 128 MiB and about half a second.
COST = 17
_LEAST_COST, _MOST_COST = 14, 18
# Without letters that are taken for others: 32 of them, so that a passphrase has 5 bits a letter, 120 in all.
_LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
_GROUPS, _GROUP = 6, 4


def passphrase() -> str:
    """A new passphrase: six groups of four letters and digits, 120 random bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def write(content: BinaryIO, target: BinaryIO, case_id: str, phrase: str) -> int:
    """Encrypt a pack; the length of its content in bytes.

    Args:
        content: of the pack.
        target: for the encrypted file.
        case_id: which the pack is bound to.
        phrase: that opens it.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    target.write(_MAGIC + bytes([COST]) + salt)
    about, key = _bound(case_id, phrase, COST, salt)
    return vault.encrypt(content, target, about, key)


def opened(pack: BinaryIO, phrase: str, case_id: str = "") -> Iterator[bytes]:
    """The content of a pack, chunk by chunk; all of it is checked before the first is given out.

    Args:
        pack: a file that can be read twice.
        phrase: that it was encrypted with.
        case_id: that it has to be of; empty for any.

    Raises:
        InputRejected: it is no pack.
        KeyMissing: the passphrase is wrong, or the pack was changed, cut, or is another case's.
    """
    head = pack.read(len(_MAGIC) + 1 + _SALT_BYTES)
    cost = head[len(_MAGIC)] if len(head) == len(_MAGIC) + 1 + _SALT_BYTES else 0
    if not head.startswith(_MAGIC) or not _LEAST_COST <= cost <= _MOST_COST:
        raise InputRejected("the file is no pack", hint=f"give the file that ends in {SUFFIX}")
    start = pack.tell()
    try:
        named = vault.read_about(pack).recording_id
        if case_id not in {"", named}:
            raise _refused()
        about, key = _bound(named, _typed(phrase), cost, head[-_SALT_BYTES:])
        pack.seek(start)
        for _ in vault.decrypt(pack, about, key):
            pass
        pack.seek(start)
        yield from vault.decrypt(pack, about, key)
    except KeyMissing:
        raise _refused() from None


def _typed(phrase: str) -> str:
    """A passphrase as it was made, however it is typed."""
    plain = "".join(phrase.split()).replace("-", "").lower()
    return "-".join(plain[at : at + _GROUP] for at in range(0, len(plain), _GROUP))


def _bound(case_id: str, phrase: str, cost: int, salt: bytes) -> tuple[vault.Sealed, DataKey]:
    secret = hashlib.scrypt(
        phrase.encode("utf-8", "surrogatepass"), salt=salt, n=1 << cost, r=8, p=1, dklen=_KEY_BYTES, maxmem=1 << 30
    )  # fmt: skip
    key_id = hashlib.sha256(salt).hexdigest()[:16]
    return vault.Sealed(case_id, "case", key_id), DataKey(case_id, key_id, secret)


def _refused() -> KeyMissing:
    return KeyMissing(
        "the passphrase is wrong, or the pack was changed or is another's; nothing of it was given out",
        hint="type the passphrase that was shown when this pack was made, or have it made anew",
    )
