"""Values that only the holder of a key can read, and files that only it can have written.

Values are Fernet tokens (AES-128-CBC with HMAC-SHA256; github.com/fernet/spec). A token holds the
memory's key beside its data: a value put under another key by somebody with access to the
storage is noticed. What is signed is signed by HMAC-SHA256 with a key derived from the same one.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from ..errors import ConfigurationError, DecryptionError
from ..extras import imported
from ..values import decode_value, encode_value

TOKEN_FIELD: Final = "$encrypted"
"""The one field of a stored value that is encrypted; no filter can name it."""

SIGNATURE_BYTES: Final = 32
_PURPOSE: Final = b"langgraph_agentstore: signature of a file of memories"


class Cipher:
    """Encrypts and signs with one key: 32 bytes in URL-safe base64, as `generate_key` makes it."""

    def __init__(self, key: str | bytes) -> None:
        fernet = imported("cryptography.fernet", "encryption")
        self._secret = _checked(key)
        self._invalid = fernet.InvalidToken
        self._fernet = fernet.Fernet(self._secret)

    @staticmethod
    def generate_key() -> str:
        """A new key; whoever loses it loses what was encrypted with it."""
        key: bytes = imported("cryptography.fernet", "encryption").Fernet.generate_key()
        return key.decode()

    def encrypted(self, key: str, data: Any) -> dict[str, Any]:
        """What is stored in place of a memory's data."""
        token = self._fernet.encrypt(encode_value([key, data]))
        return {TOKEN_FIELD: token.decode()}

    def decrypted(self, key: str, value: Any) -> Any:
        """The data of a memory.

        Raises:
            DecryptionError: it is of another key, altered, moved, or not encrypted.
        """
        if not isinstance(value, dict) or value.keys() != {TOKEN_FIELD}:
            raise DecryptionError(
                f"the memory {key!r} was stored without encryption; read it with an agent that "
                "has no encryption_key, and migrate_to one that has"
            )
        try:
            bound_to, data = decode_value(self._fernet.decrypt(value[TOKEN_FIELD]))
        except self._invalid:
            raise DecryptionError(
                f"the memory {key!r} was encrypted with another key, or altered; make the agent "
                "with the encryption_key it was stored with"
            ) from None
        if bound_to != key:
            raise DecryptionError(f"the value at {key!r} was encrypted for another memory")
        return data

    def signature(self, content: bytes) -> bytes:
        """Of a file's content, `SIGNATURE_BYTES` long."""
        derived = hmac.digest(self._secret, _PURPOSE, "sha256")
        return hmac.digest(derived, content, "sha256")

    def same_key(self, other: Cipher) -> bool:
        """Whether both read each other's values."""
        return hmac.compare_digest(self._secret, other._secret)


def is_encrypted(value: Any) -> bool:
    """Whether a stored value is a token."""
    return isinstance(value, dict) and value.keys() == {TOKEN_FIELD}


def _checked(key: str | bytes) -> bytes:
    fernet = imported("cryptography.fernet", "encryption")
    try:
        secret = key.encode("ascii") if isinstance(key, str) else key
        fernet.Fernet(secret)
    except (ValueError, TypeError):
        # Neither message nor cause may show the key.
        raise ConfigurationError(
            "encryption_key is 32 bytes in URL-safe base64; make one with "
            "MemoryAgent.generate_key() and keep it where secrets are kept"
        ) from None
    return bytes(secret)
