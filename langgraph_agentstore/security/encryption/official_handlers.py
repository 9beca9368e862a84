"""Handlers of LangGraph's `Encryption` object as a provider of keys.

The object encrypts what the Agent Server stores. Here its handlers wrap the users' data keys, so
that one object, and one key behind it, serves server and store.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from ..._support.optional import imported
from ...errors import ConfigurationError, DecryptionError
from ...model.json_values import decode_value, encode_value

_Handler: TypeAlias = "Callable[[Any, Any], Awaitable[Any]]"


def is_official(given: object) -> bool:
    """Return whether this is an `Encryption` object of `langgraph_sdk`."""
    kind = type(given)
    return kind.__name__ == "Encryption" and kind.__module__.startswith("langgraph_sdk.")


class OfficialHandlers:
    """A `KeyProvider` that asks the blob handlers of an `Encryption` object.

    The handlers need not bind what they encrypt to anything. So the context is encrypted with the
    key, and compared afterwards.

    Raises:
        ConfigurationError: the object has not both handlers for blobs.
    """

    def __init__(self, official: Any) -> None:
        encrypt, decrypt = official._blob_encryptor, official._blob_decryptor
        if encrypt is None or decrypt is None:
            raise ConfigurationError(
                "the Encryption object has no handlers for blobs, which wrap the data keys; "
                "register them with @encryption.encrypt.blob and @encryption.decrypt.blob"
            )
        self._encrypt: _Handler = encrypt
        self._decrypt: _Handler = decrypt
        self._context = imported("langgraph_sdk.encryption.types", "encryption").EncryptionContext

    async def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt a data key together with its context."""
        bound = encode_value([base64.b64encode(key).decode(), dict(context)])
        wrapped: bytes = await self._encrypt(self._asked(context), bound)
        return wrapped

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt a data key.

        Raises:
            DecryptionError: it was wrapped for another context.
        """
        answer: Any = await self._decrypt(self._asked(context), wrapped)
        opened = answer if isinstance(answer, bytes) else answer.plaintext
        key, bound_to = decode_value(opened)
        if bound_to != dict(context):
            raise DecryptionError("a wrapped data key was moved from another user or schema")
        return base64.b64decode(key)

    def _asked(self, context: Mapping[str, str]) -> Any:
        return self._context(model="store", field="data_key", metadata=dict(context))
