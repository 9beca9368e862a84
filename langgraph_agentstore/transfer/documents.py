"""The conversion of records to JSON documents and back.

A document is `DataStoreRecord.document()` with two more fields where needed: `labels` if no
string names the namespace, `ttlMinutes` if the record expires. Documents of the original
`data_store` are accepted too: without version and expiry, times naive or with `Z`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from ..data_store.models import DataStoreRecord
from ..data_store.models import record_of as stored_record
from ..errors import InvalidNamespaceError, InvalidValueError, ValueTooLargeError
from ..model.addresses import checked_key, locate
from ..model.json_values import check_allowed, check_text, encode_mapping, encode_value, shown
from ..model.namespaces import Labels, labels_named, name_of
from ..model.ttl import ttl_interval
from ..model.turn_text import CONTEXT_PATH, is_turn
from ..model.users import SHARED, Address, check_user_id
from ..sql.items.import_records import Imported
from ..sql.items.records import StoredRecord
from ..sql.planner import Planner
from ..sql.statement import NO_METADATA, Put

NOBODY = "unknown"
"""The agent of an access whose agent is unknown."""

_LARGEST_COUNT = 2**62
_MAY_BE_NULL = ("metadata", "accessCount", "version")
_BESIDE = ("_id", "labels", "ttlMinutes", "value")


@dataclass(frozen=True, slots=True)
class Sized:
    """A record to import, and the bytes of its value."""

    record: Imported
    size: int


def document_of(stored: StoredRecord) -> dict[str, Any]:
    """Return the document of a record; the inverse of `record_of_document`."""
    document = stored_record(stored).document()
    if stored.user_id == SHARED or name_of(stored.labels) is None:
        document["labels"] = list(stored.labels)
    if stored.ttl is not None:
        document["ttlMinutes"] = stored.ttl / timedelta(minutes=1)
    return document


def record_of_document(document: object, planner: Planner) -> Sized:
    """Check a document and return its record.

    Raises:
        AgentStoreError: a field is wrong; the message says which and why, without the value.
    """
    if not isinstance(document, Mapping):
        raise InvalidValueError(f"a document is an object, this is a {type(document).__name__}")
    header = _header(document)
    labels = _labels(document, header)
    _check_id(document, header)
    if not (header.user_id == SHARED and "labels" in document):
        check_user_id(header.user_id)
    at = locate(Address(header.user_id, labels), labels)
    text, described = _encoded(document, header.key, planner.context.max_value_bytes)
    put = Put(
        (at.user_id, at.stored, checked_key(header.key, at)),
        at.sort_key,
        text,
        _ttl(document, header),
        # Which paths a put chose is not known of records that come from elsewhere.
        planner.content(text, [CONTEXT_PATH] if is_turn(document["value"]) else None),
        metadata=described,
        created_by=header.created_by_agent or None,
    )
    return Sized(_imported(put, header), len(text))


def _encoded(document: Mapping[str, Any], key: str, most: int) -> tuple[bytes, bytes]:
    """Return value and metadata as JSON text; raise ValueTooLargeError beyond `most` bytes."""
    metadata = document.get("metadata")
    try:
        text = encode_value(document["value"])
        described = encode_mapping(metadata) if metadata else NO_METADATA
        for each in (text, described):
            check_allowed(len(each), most)
    except ValueTooLargeError as error:
        raise ValueTooLargeError(f"key {shown(key)}: {error}") from None
    return text, described


def _imported(put: Put, header: DataStoreRecord) -> Imported:
    at, agent = header.last_accessed_at, header.last_accessed_by_agent
    if at is not None or agent is not None or header.access_count:
        at, agent = at or header.updated_at, agent or NOBODY
    return Imported(
        put,
        header.version,
        header.created_at,
        header.updated_at,
        header.expires_at,
        header.access_count,
        at,
        agent,
    )


def _header(document: Mapping[str, Any]) -> DataStoreRecord:
    """Check all fields but value and metadata, which are checked when encoded."""
    if "value" not in document:
        raise InvalidValueError("the field value is missing; null is a value")
    fields = {
        name: value
        for name, value in document.items()
        if name not in _BESIDE and not (name in _MAY_BE_NULL and value is None)
    }
    metadata = fields.pop("metadata", {})
    if not isinstance(metadata, Mapping):
        raise InvalidValueError(f"metadata is an object, not a {type(metadata).__name__}")
    for name, value in fields.items():
        if isinstance(value, str):
            check_text(value, f"the field {name}")
    try:
        text = orjson.dumps({**fields, "value": None, "metadata": {}})
        # Strict, from JSON: "5" is not a number and 5 not a time, but a string can be a time.
        header = DataStoreRecord.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidValueError(_said(error)) from None
    except (TypeError, OverflowError) as error:
        raise InvalidValueError(
            f"a field is none of JSON's types, or out of range: {error}"
        ) from None
    if not 0 <= header.access_count < _LARGEST_COUNT or not 1 <= header.version < _LARGEST_COUNT:
        raise InvalidValueError("accessCount is a number from 0 on, version one from 1 on")
    return header


def _said(error: ValidationError) -> str:
    """Describe the errors by field, without values."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"the field {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults
    )


def _labels(document: Mapping[str, Any], header: DataStoreRecord) -> Labels:
    given = document.get("labels")
    if given is None:
        return labels_named(header.namespace)
    if not isinstance(given, list) or not all(isinstance(label, str) for label in given):
        raise InvalidNamespaceError("labels is a list of strings")
    labels = tuple(given)
    if ":".join(labels) != header.namespace or labels == ("",):
        raise InvalidNamespaceError(
            "labels and namespace are not the same; namespace is the labels joined with ':'"
        )
    return labels


def _check_id(document: Mapping[str, Any], header: DataStoreRecord) -> None:
    given = document.get("_id")
    if given is None:
        return
    if not isinstance(given, str) or given.rstrip("=") != header.id.rstrip("="):
        raise InvalidValueError(
            "_id is not that of userId, namespace and key: one of them was altered; correct it, "
            "or leave _id out"
        )


def _ttl(document: Mapping[str, Any], header: DataStoreRecord) -> timedelta | None:
    given = document.get("ttlMinutes")
    if header.expires_at is None:
        if given is not None:
            raise InvalidValueError("ttlMinutes without expiresAt; give both, or neither")
        return None
    if given is not None:
        return ttl_interval(given)
    # Later writes expire after the same time again.
    return max(header.expires_at - header.updated_at, timedelta(microseconds=1))
