"""AES-256-GCM with associated data, and the ids and text forms of keys.

What is encrypted here opens only with the same key and the same associated data. So a ciphertext
that was altered, cut, or moved to where it does not belong is told from a good one.
"""

from __future__ import annotations

import base64
import hmac
import os
from typing import Final

from ..._support.optional import imported
from ...errors import ConfigurationError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NAMING: Final = b"langgraph_agentstore: id of an encryption key"


class AesGcmKey:
    """One key of 32 bytes."""

    __slots__ = ("_cipher", "_invalid")

    def __init__(self, secret: bytes) -> None:
        self._cipher = imported("cryptography.hazmat.primitives.ciphers.aead", "encryption").AESGCM(
            secret
        )
        self._invalid = imported("cryptography.exceptions", "encryption").InvalidTag

    def sealed(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt bytes; return nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed: bytes = nonce + self._cipher.encrypt(nonce, plain, bound_to)
        return sealed

    def opened(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        """Decrypt what `sealed` returned; None if it was altered, or bound to something else."""
        try:
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            plain: bytes = self._cipher.decrypt(nonce, rest, bound_to)
        except (self._invalid, ValueError):
            return None
        return plain


def sealed_text(sealed: bytes) -> str:
    """Return sealed bytes as base64."""
    return base64.b64encode(sealed).decode()


def sealed_bytes(text: str, altchars: bytes | None = None) -> bytes:
    """Return the bytes of base64; none if it was altered, which opens as nothing."""
    try:
        return base64.b64decode(text, altchars=altchars, validate=True)
    except ValueError:
        return b""


def new_key_text() -> str:
    """Generate a key, as text for where secrets are kept."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def key_id_of(raw: bytes) -> str:
    """Return the id by which a key is named; it tells nothing of the key."""
    return hmac.digest(raw, _NAMING, "sha256").hex()[:16]


def key_bytes(key: str | bytes, option: str, made_by: str) -> bytes:
    """Return the bytes of a key in its text form, 32 bytes in URL-safe base64.

    Raises:
        ConfigurationError: the text is no key; neither message nor cause shows it.
    """
    try:
        raw = base64.b64decode(key, altchars=b"-_", validate=True)
    except (ValueError, TypeError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ConfigurationError(
            f"{option} is 32 bytes in URL-safe base64; make one with {made_by} and keep it where "
            "secrets are kept"
        ) from None
    return raw
