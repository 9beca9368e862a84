"""The option `encryption=` of a store, checked when it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, cast, runtime_checkable

from ...errors import ConfigurationError
from ...model.checks import check_whole, is_number
from ...model.json_values import shown
from .aes_gcm import key_bytes
from .local_keys import LocalKeys
from .official_handlers import OfficialHandlers, is_official

LONGEST_KEY_AGE_S: Final = 3600.0
"""A store that rotates keeps a retired key for longer than any store may hold it."""


@runtime_checkable
class KeyProvider(Protocol):
    """Wrap data keys by a key-encryption key: of a key management service, a vault or a key ring.

    Both methods are plain functions, which run on a thread of their own, or coroutine functions.
    `context` has the schema, the user's id and the data key's id as texts. A data key must only
    be unwrapped with the context it was wrapped with, so hand it to the service as associated
    data ("encryption context").
    """

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes | Awaitable[bytes]:
        """Encrypt a data key of 32 bytes."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes | Awaitable[bytes]:
        """Decrypt a data key; raise an error if it is not this context's."""


GivenKeys: TypeAlias = "KeyProvider | str | bytes | Sequence[str | bytes] | Any"


@dataclass(frozen=True)
class Encryption:
    """The encryption of a store: by AES-256-GCM, with a data key for each user.

    Args:
        keys: a `KeyProvider`; or a key from `LocalKeys.generate_key()`, or several, the newest
            first; or the `Encryption` of `langgraph_sdk` with its handlers.
        fields: the top-level fields to encrypt. The other fields stay clear, so that filters and
            searches find them. None: the whole value.
        index_plaintext: whether words and vectors are made of encrypted fields. They tell much of
            the text, so by default no search finds these fields.
        equality: encrypted fields that filters may ask for equality, by a blind index: a keyed hash
            of each value, which differs from user to user. Equal values of one user can be told
            to be equal.
        equality_key: the key of these hashes, from `LocalKeys.generate_key()`. It never changes,
            and `destroy_keys` does not cover it.
        read_plaintext: whether values that were stored before can be read; else, a value that is
            not encrypted raises an error. For moving in, until `rotate()` has encrypted them.
        max_key_age_s: how long a data key is kept in memory, in seconds.
        max_key_uses: how many values a data key in memory encrypts and decrypts before it is
            unwrapped again.

    Raises:
        ConfigurationError: an option is wrong.
    """

    keys: GivenKeys = field(repr=False)
    fields: Sequence[str] | None = None
    index_plaintext: bool = False
    equality: Sequence[str] = ()
    equality_key: str | bytes | None = field(default=None, repr=False)
    read_plaintext: bool = False
    max_key_age_s: float = 300.0
    max_key_uses: int = 1_000_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", key_provider(self.keys))
        if self.fields is not None:
            object.__setattr__(self, "fields", _checked_fields(self.fields))
        self._check_equality()
        check_whole("max_key_uses", self.max_key_uses, 1, error=ConfigurationError)
        if not is_number(self.max_key_age_s) or not 0 < self.max_key_age_s <= LONGEST_KEY_AGE_S:
            raise ConfigurationError(
                f"max_key_age_s is a number of seconds up to {LONGEST_KEY_AGE_S:g}, got "
                f"{shown(self.max_key_age_s)}"
            )

    def _check_equality(self) -> None:
        if not self.equality and self.equality_key is None:
            return
        object.__setattr__(self, "equality", _checked_fields(self.equality))
        clear = set(self.equality) - set(self.equality if self.fields is None else self.fields)
        if clear:
            raise ConfigurationError(
                f"equality names encrypted fields, and {shown(min(clear))} is clear: filters "
                "find it as it is"
            )
        if self.equality_key is None:
            raise ConfigurationError(
                "equality needs equality_key, made once with LocalKeys.generate_key()"
            )
        key_bytes(self.equality_key, "equality_key", "LocalKeys.generate_key()")

    @property
    def provider(self) -> KeyProvider:
        """The provider that wraps and unwraps data keys."""
        return cast("KeyProvider", self.keys)


def checked_encryption(given: object) -> Encryption | None:
    """Return the option `encryption=` of a store; LangGraph's own object is an option too.

    Raises:
        ConfigurationError: it is something else.
    """
    if given is None or isinstance(given, Encryption):
        return given
    if is_official(given):
        return Encryption(given)
    raise ConfigurationError(
        f"encryption is an Encryption of langgraph_agentstore.security or of langgraph_sdk, got "
        f"{type(given).__name__}"
    )


def key_provider(keys: GivenKeys) -> KeyProvider:
    """Return the provider that `keys` is or stands for."""
    if is_official(keys):
        return OfficialHandlers(keys)
    if isinstance(keys, KeyProvider):
        return keys
    if isinstance(keys, (str, bytes, list, tuple)):
        return LocalKeys(keys)
    raise ConfigurationError(
        "keys is a KeyProvider with wrap and unwrap, or keys from LocalKeys.generate_key(), got "
        f"{type(keys).__name__}"
    )


def _checked_fields(fields: object) -> tuple[str, ...]:
    if isinstance(fields, str) or not isinstance(fields, (list, tuple, set, frozenset)):
        raise ConfigurationError(
            f"fields is a list of top-level fields such as ['text'], got {shown(fields)}"
        )
    names = tuple(fields)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(
            f"fields names at least one field, each by a text, got {shown(fields)}; None encrypts "
            "the whole value"
        )
    return names
