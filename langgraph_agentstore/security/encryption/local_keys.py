"""A ring of key-encryption keys that the application itself keeps."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from ...errors import ConfigurationError, DecryptionError
from ...model.json_values import encode_value, shown
from .aes_gcm import AesGcmKey, key_bytes, key_id_of, new_key_text, sealed_bytes, sealed_text

_WRAPPING: Final = b"langgraph_agentstore: wrapping of data keys by AES-256-GCM"


class LocalKeys:
    """A `KeyProvider` without a service: a ring of keys, the newest first.

    The newest key wraps data keys; each unwraps them. To replace a key, put the new one in front,
    run `rewrap_keys()`, then remove the old one.

    Args:
        keys: a key from `generate_key`, or several, the newest first.

    Raises:
        ConfigurationError: there is no key, or one is not 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: str | bytes | Sequence[str | bytes]) -> None:
        given = [keys] if isinstance(keys, (str, bytes)) else list(keys)
        if not given:
            raise ConfigurationError("keys is a key, or several; this list is empty")
        raw = [key_bytes(key, "a key", "LocalKeys.generate_key()") for key in given]
        self._ring = {
            key_id_of(each): AesGcmKey(hmac.digest(each, _WRAPPING, "sha256")) for each in raw
        }
        self._newest = next(iter(self._ring))

    def __repr__(self) -> str:
        return f"LocalKeys({', '.join(self._ring)})"

    @staticmethod
    def generate_key() -> str:
        """Generate a new key. Values whose key is lost are lost."""
        return new_key_text()

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt a data key with the newest key, bound to the context."""
        text = sealed_text(self._ring[self._newest].sealed(key, _bound_to_context(context)))
        return f"{self._newest}.{text}".encode()

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt a data key.

        Raises:
            DecryptionError: no key of the ring wrapped it, or for another context.
        """
        key_id, _, text = wrapped.decode("ascii", "replace").partition(".")
        if key_id not in self._ring:
            raise DecryptionError(
                f"a data key was wrapped with the key of id {shown(key_id)}, and this ring has "
                f"{', '.join(self._ring)}; add that key to the ring"
            )
        opened = self._ring[key_id].opened(sealed_bytes(text), _bound_to_context(context))
        if opened is None:
            raise DecryptionError(
                "a wrapped data key was altered, or moved from another user or schema; restore "
                "the table user_key from a backup"
            )
        return opened


def _bound_to_context(context: Mapping[str, str]) -> bytes:
    return encode_value(sorted(context.items()))
