"""Encrypted text in a transcript: `[PERSON:e:…]`, by AES-256-GCM.

What is between the marks is base64url, without padding, of a random nonce (12 bytes), the ciphertext and its tag (16
bytes). The entity type and the format's version are authenticated with it. What is encrypted is the text in UTF-8, a
byte 0x80, and zeros up to a multiple of 64 bytes, so that the length of a token says next to nothing.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable

from redact.errors import KeyMissing
from redact.keys import Key

VERSION = 1
BLOCK_BYTES = 64
_NONCE_BYTES = 12
# All that may have been a token, changed ones included: those are refused, and not passed over.
_TOKEN = re.compile(r"\[([^\[\]\s:]+):e:([^\[\]\s]*)\]")


class Cipher:
    """Makes and opens tokens. Its key never shows."""

    def __init__(self, key: Key) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aes = AESGCM(key.subkey("encrypt"))

    def token(self, entity_type: str, text: str) -> str:
        """A token for a text, another each time.

        Raises:
            ValueError: the type's name holds a space, a bracket or a colon, so that its token could not be told apart.
        """
        padded = text.encode("utf-8", "surrogatepass") + b"\x80"
        padded += bytes(-len(padded) % BLOCK_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._aes.encrypt(nonce, padded, _bound(entity_type))
        token = f"[{entity_type}:e:{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}]"
        if not _TOKEN.fullmatch(token):
            raise ValueError("the name of the type can't stand in a token")
        return token

    def opened(self, text: str, shown: Callable[[str], str] = str) -> str:
        """A text with each token replaced by what it stands for. All are opened before any is.

        Args:
            text: with tokens in it, or without.
            shown: how what a token stands for is written there.

        Raises:
            KeyMissing: a token was changed, or made with another key.
        """
        plain = iter([self._open(found[1], found[2]) for found in _TOKEN.finditer(text)])
        return _TOKEN.sub(lambda _: shown(next(plain)), text)

    def _open(self, entity_type: str, encoded: str) -> str:
        from cryptography.exceptions import InvalidTag

        text = None
        try:
            sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            # Base64 leaves bits of its last character unused: a token is written in one way only.
            if base64.urlsafe_b64encode(sealed).decode().rstrip("=") == encoded:
                nonce = sealed[:_NONCE_BYTES]
                padded = self._aes.decrypt(nonce, sealed[_NONCE_BYTES:], _bound(entity_type))
                text = padded[: padded.rindex(b"\x80")].decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError, binascii.Error):
            pass  # raised below, where no traceback holds on to anything
        if text is None:
            raise KeyMissing(
                "an encrypted text was made with another key, or was changed since; nothing was restored",
                hint="give the key that the call was redacted with; look for edits in the file",
            )
        return text


def holds_tokens(text: str) -> bool:
    """Whether anything in a text is encrypted, or looks as if it were."""
    return _TOKEN.search(text) is not None


def _bound(entity_type: str) -> bytes:
    return f"callredact {VERSION} {entity_type}".encode("utf-8", "surrogatepass")
