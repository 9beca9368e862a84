"""Sealed values: what stands in a row in place of an encrypted value.

A sealed value is an object with the token `$sealed`, beside the fields that stay clear:
`{"kind": "note", "$sealed": "<key id>.<kind>.<nonce, ciphertext and tag>"}`. The kind of a token
is `w` for a whole value and `f` for an object of its encrypted fields. The associated data are the
schema, the item's user, namespace and key, the kind and the data key's id, so a token does not
open in another place.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...errors import ConfigurationError, DecryptionError
from ...model.json_values import check_jsonb_size, decode_value, encode_value, shown
from ...sql.sealing import EQUAL_FIELD, is_hashed
from ...sql.statement import LARGE_VALUE_BYTES, ItemId, Row
from .aes_gcm import key_bytes, sealed_bytes, sealed_text
from .data_keys import DataKey, DataKeyCache
from .options import Encryption, checked_encryption

SEALED_FIELD: Final = "$sealed"
_OWN_FIELDS = (SEALED_FIELD, EQUAL_FIELD)
_HASHING: Final = b"langgraph_agentstore: hashes of a blind index"
_HASH_BYTES = 16
_WHOLE_VALUE, _ITS_FIELDS = "w", "f"


@dataclass(frozen=True, slots=True)
class Token:
    """A token in its parts."""

    key_id: str
    kind: str
    text: str


def token_of(value: Any) -> Token | None:
    """Return the token of a stored value; None if it is not sealed."""
    text = value.get(SEALED_FIELD) if type(value) is dict else None
    if not isinstance(text, str):
        return None
    key_id, _, rest = text.partition(".")
    kind, _, sealed = rest.partition(".")
    return Token(key_id, kind, sealed)


def named_keys(rows: Sequence[Row]) -> set[str]:
    """Return the ids of the data keys that the sealed values of these rows need."""
    return {
        token.key_id
        for row in rows
        for cell in row
        if type(cell) is dict and (token := token_of(cell)) is not None
    }


def holds_large(rows: Sequence[Row]) -> bool:
    """Return whether one of the sealed values of these rows is large."""
    return any(
        len(token.text) > LARGE_VALUE_BYTES
        for row in rows
        for cell in row
        if type(cell) is dict and (token := token_of(cell)) is not None
    )


class Sealer:
    """The sealing and opening of one store's values, by the data keys in its cache."""

    def __init__(self, encryption: Encryption, schema: str) -> None:
        self.encryption = encryption
        self.schema = schema
        self.cache = DataKeyCache(encryption.max_key_age_s, encryption.max_key_uses)
        fields = encryption.fields
        # Clear fields of these names could not be told from the token and the hashes.
        self._fields = None if fields is None else frozenset((*fields, *_OWN_FIELDS))
        self._equality = frozenset(encryption.equality)
        secret = encryption.equality_key
        self._equality_key = (
            b""
            if secret is None
            else hmac.digest(
                key_bytes(secret, "equality_key", "LocalKeys.generate_key()"), _HASHING, "sha256"
            )
        )

    def is_sealed_field(self, name: str) -> bool:
        """Return whether a top-level field is encrypted."""
        return self._fields is None or name in self._fields

    def has_equality(self, name: str) -> bool:
        """Return whether a field has a blind index."""
        return name in self._equality

    def hashed(self, user_id: str, name: str, value: Any) -> str:
        """Return the hash of a field's value: of equal ones, as JSON has it, the same."""
        if type(value) is float and value.is_integer():
            value = int(value)  # 1.0 is 1.
        said = encode_value([self.schema, user_id, name, value])
        return sealed_text(hmac.digest(self._equality_key, said, "sha256")[:_HASH_BYTES])

    def searchable(self, value: bytes) -> bytes:
        """Return the part of a value, as JSON text, that words and vectors may be made of."""
        if self.encryption.index_plaintext:
            return value
        clear, _ = self._divided(value)
        return encode_value(clear)

    def sealed(self, item_id: ItemId, value: bytes, key: DataKey) -> bytes:
        """Seal a value, JSON text, with a user's data key; return JSON text.

        Raises:
            ValueTooLargeError: it is too large for Postgres once it is sealed.
        """
        clear, secret = self._divided(value)
        kind = _WHOLE_VALUE if secret is None else _ITS_FIELDS
        plain = value if secret is None else encode_value(secret)
        text = sealed_text(key.aes.sealed(plain, self._bound_to(item_id, key.id, kind)))
        sealed = {**clear, **self._hashes(item_id[0], value)}
        written = encode_value({**sealed, SEALED_FIELD: f"{key.id}.{kind}.{text}"})
        check_jsonb_size(len(written))
        return written

    def opened(self, item_id: ItemId, value: Any) -> Any:
        """Open a stored value; its data key must be in the cache.

        Raises:
            DecryptionError: it was altered or moved, its key is gone, or it is not encrypted.
        """
        token = token_of(value)
        clear = self._clear_beside(item_id, token, value)
        if token is None:
            return value
        plain = self._plain(item_id, token)
        if token.kind == _WHOLE_VALUE:
            return decode_value(plain)
        return {**clear, **decode_value(plain)}

    def is_current(self, value: Any, user_id: str) -> bool:
        """Return whether a stored value is sealed as this store seals, with the current key."""
        token, key = token_of(value), self.cache.current(user_id)
        if token is None or key is None or token.key_id != key.id:
            return False
        if token.kind != _WHOLE_VALUE and self._fields is None:
            return False  # Its clear fields may be none.
        return not self.exposed_fields(value)

    def exposed_fields(self, value: Any) -> list[str]:
        """Return what of a stored value is clear and should not be; `$` for the value itself."""
        token = token_of(value)
        if token is None:
            return ["$"]
        whole = token.kind == _WHOLE_VALUE
        clear = (name for name in value if name not in _OWN_FIELDS)
        return [name for name in clear if whole or self.is_sealed_field(name)]

    def _divided(self, value: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return the clear and the secret fields; None for these: all of the value is secret."""
        if self._fields is None:
            return {}, None
        fields = decode_value(value)
        if type(fields) is not dict:
            return {}, None
        secret = {name: fields.pop(name) for name in self._fields.intersection(fields)}
        return fields, secret

    def _clear_beside(self, item_id: ItemId, token: Token | None, value: Any) -> dict[str, Any]:
        """Return the fields beside a token; raise if there are some that should be encrypted."""
        if token is None:
            if self.encryption.read_plaintext:
                return {}
            raise DecryptionError(
                f"{_place(item_id)} is stored without encryption, and this store encrypts: run "
                "rotate() on a store with Encryption(read_plaintext=True), or find out who wrote it"
            )
        exposed = self.exposed_fields(value)
        if exposed and not self.encryption.read_plaintext:
            raise DecryptionError(
                f"{_place(item_id)} has the field {shown(exposed[0])} without encryption, which "
                "this store encrypts: run rotate() on a store with "
                "Encryption(read_plaintext=True), or find out who wrote it"
            )
        return {name: child for name, child in value.items() if name not in _OWN_FIELDS}

    def _hashes(self, user_id: str, value: bytes) -> dict[str, dict[str, str]]:
        """Return the field with the hashes of a value, JSON text; nothing if it has none."""
        if not self._equality:
            return {}
        fields = decode_value(value)
        names = self._equality.intersection(fields) if type(fields) is dict else ()
        hashes = {
            name: self.hashed(user_id, name, fields[name])
            for name in names
            if is_hashed(fields[name])
        }
        return {EQUAL_FIELD: hashes} if hashes else {}

    def _plain(self, item_id: ItemId, token: Token) -> bytes:
        key = self.cache.used(token.key_id)
        if key is None:
            raise DecryptionError(
                f"{_place(item_id)} was encrypted with the data key {shown(token.key_id)}, which "
                "is not in the table user_key: its user was erased, or the table must be restored"
            )
        if key.user_id == item_id[0]:
            bound_to = self._bound_to(item_id, token.key_id, token.kind)
            plain = key.aes.opened(sealed_bytes(token.text), bound_to)
            if plain is not None:
                return plain
        raise DecryptionError(
            f"{_place(item_id)} was altered, or encrypted for another place (schema, user, "
            "namespace or key); restore it from a backup"
        )

    def _bound_to(self, item_id: ItemId, key_id: str, kind: str) -> bytes:
        # As JSON, so that it differs for any two places.
        return encode_value([self.schema, *item_id, kind, key_id])


def sealer_of(encryption: object, schema: str, *, has_index: bool = False) -> Sealer | None:
    """Return the sealer of a store's option `encryption=`; None if it does not encrypt.

    Raises:
        ConfigurationError: the option is wrong, or leaves nothing for the store's index.
    """
    checked = checked_encryption(encryption)
    if checked is None:
        return None
    if has_index and checked.fields is None and not checked.index_plaintext:
        raise ConfigurationError(
            "an index of values that are encrypted whole would find nothing: name the fields to "
            "encrypt with Encryption(fields=…), leave out index=, or say index_plaintext=True, "
            "which stores words and vectors of the text in clear"
        )
    return Sealer(checked, schema)


def users_of(item_ids: Iterable[ItemId]) -> set[str]:
    """Return the users of items."""
    return {item_id[0] for item_id in item_ids}


def _place(item_id: ItemId) -> str:
    return f"key {shown(item_id[2])} of namespace {shown(item_id[1])}"
