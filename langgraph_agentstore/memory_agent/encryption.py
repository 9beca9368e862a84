"""Encryption of values, and signatures of files, by keys.

A value is encrypted by AES-256-GCM with a key derived from the newest of the agent's keys. Its
token names that key and is bound to one memory: the associated data are the user, the namespace,
the memory's key and the encryption key's id. So a token does not decrypt if it was altered, or if
somebody with access to the storage moved it to another memory or user.

Release 0.1.0 wrote Fernet tokens (github.com/fernet/spec), bound to the memory's key alone. They
can be read, and `rotate` replaces them.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .._support.optional import imported
from ..errors import ConfigurationError, DecryptionError
from ..model.json_values import decode_value, encode_value, shown
from ..model.users import Address
from ..security.encryption.aes_gcm import (
    AesGcmKey,
    key_bytes,
    key_id_of,
    new_key_text,
    sealed_bytes,
)

TOKEN_FIELD: Final = "$encrypted"
"""The only field of an encrypted value; no filter can name it."""

Keys: TypeAlias = "str | bytes | Sequence[str | bytes]"
"""A key, or several, the newest first. The newest encrypts; each decrypts."""

SIGNATURE_BYTES: Final = 32
_SIGNING: Final = b"langgraph_agentstore: signature of a file of memories"
_ENCRYPTING: Final = b"langgraph_agentstore: encryption of memories by AES-256-GCM"

_SCHEME: Final = "aes256gcm"


@dataclass(frozen=True, slots=True)
class _Key:
    """One key: the keys derived from it, and the id by which tokens name it."""

    secret: bytes
    id: str
    aes: AesGcmKey
    fernet: Any

    def signature(self, content: bytes) -> bytes:
        return hmac.digest(hmac.digest(self.secret, _SIGNING, "sha256"), content, "sha256")


class Cipher:
    """A ring of keys: the first encrypts and signs, each decrypts and verifies."""

    def __init__(self, keys: Keys) -> None:
        given: list[Any] = list(keys) if isinstance(keys, (list, tuple)) else [keys]
        if not given:
            raise ConfigurationError("encryption_key is a key, or several; this list is empty")
        self._ring = {key.id: key for key in map(_key, given)}
        self._newest = next(iter(self._ring.values()))
        self._invalid_fernet = imported("cryptography.fernet", "encryption").InvalidToken

    @staticmethod
    def generate_key() -> str:
        """Generate a new key. Data encrypted with a lost key are lost."""
        return new_key_text()

    def encrypted(self, at: Address, key: str, data: Any) -> dict[str, Any]:
        """Encrypt a memory's data; return the value to store instead."""
        bound = _bound_to(at, key, self._newest.id)
        sealed = self._newest.aes.sealed(encode_value([data]), bound)
        text = base64.urlsafe_b64encode(sealed).decode()
        return {TOKEN_FIELD: f"{_SCHEME}.{self._newest.id}.{text}"}

    def decrypted(self, at: Address, key: str, value: Any) -> Any:
        """Decrypt the data of a memory.

        Raises:
            DecryptionError: the value has another key, was altered or moved, or is not encrypted.
        """
        if not is_encrypted(value):
            raise DecryptionError(
                f"the memory {shown(key)} was stored without encryption; read it with an agent "
                "that has no encryption_key, and migrate_to one that has"
            )
        token = str(value[TOKEN_FIELD])
        if token.startswith(f"{_SCHEME}."):
            return self._opened(at, key, token)
        return self._opened_fernet(key, token)

    def is_newest(self, value: Any) -> bool:
        """Check that a stored value is encrypted with the newest key."""
        prefix = f"{_SCHEME}.{self._newest.id}."
        return is_encrypted(value) and str(value[TOKEN_FIELD]).startswith(prefix)

    def signature(self, content: bytes) -> bytes:
        """Return the signature of a file's content, `SIGNATURE_BYTES` long."""
        return self._newest.signature(content)

    def has_signed(self, content: bytes, signature: bytes) -> bool:
        """Check that one of the keys made a signature."""
        return any(
            hmac.compare_digest(signature, key.signature(content)) for key in self._ring.values()
        )

    def reads_as(self, other: Cipher) -> bool:
        """Check that both encrypt with the same key and can read each other's values."""
        return self._newest.id == other._newest.id and self._ring.keys() == other._ring.keys()

    def _opened(self, at: Address, key: str, token: str) -> Any:
        key_id, _, text = token.removeprefix(f"{_SCHEME}.").partition(".")
        known = self._ring.get(key_id)
        if known is None:
            raise DecryptionError(
                f"the memory {shown(key)} was encrypted with the key of id {shown(key_id)}, and "
                f"this agent has {', '.join(self._ring)}; give it that encryption_key too"
            )
        plain = known.aes.opened(sealed_bytes(text, b"-_"), _bound_to(at, key, key_id))
        if plain is None:
            raise DecryptionError(
                f"the value at {shown(key)} was altered, or encrypted for another memory, "
                "namespace or user; restore a backup"
            )
        return decode_value(plain)[0]

    def _opened_fernet(self, key: str, token: str) -> Any:
        for known in self._ring.values():
            try:
                bound_to, data = decode_value(known.fernet.decrypt(token))
            except self._invalid_fernet:
                continue
            if bound_to != key:
                raise DecryptionError(f"the value at {shown(key)} was encrypted for another memory")
            return data
        raise DecryptionError(
            f"the memory {shown(key)} was encrypted with another key, or altered; make the agent "
            "with the encryption_key it was stored with"
        )


def is_encrypted(value: Any) -> bool:
    """Check that a stored value is a token."""
    return isinstance(value, dict) and value.keys() == {TOKEN_FIELD}


def _bound_to(at: Address, key: str, key_id: str) -> bytes:
    """Return the associated data of a token, as JSON so that they differ for any two memories."""
    return encode_value([_SCHEME, key_id, at.user_id, list(at.labels), key])


def _key(key: str | bytes) -> _Key:
    raw = key_bytes(key, "encryption_key", "MemoryAgent.generate_key()")
    secret = base64.urlsafe_b64encode(raw)
    return _Key(
        secret=secret,
        id=key_id_of(raw),
        aes=AesGcmKey(hmac.digest(raw, _ENCRYPTING, "sha256")),
        fernet=imported("cryptography.fernet", "encryption").Fernet(secret),
    )
