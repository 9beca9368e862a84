"""Files of memories: conversion of entries to JSON, CSV, YAML or pickle and back, exactly."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from ..errors import ConfigurationError, DamagedFileError
from ..model.json_values import decode_value, encode_value
from ..model.namespaces import Labels
from ..transfer.formats import yaml_stream
from ..transfer.formats.base import Columns
from ..transfer.formats.csv_table import CsvRows, table_of
from .encryption import SIGNATURE_BYTES, Cipher, Keys

MEMORIES_FORMAT: Final = "langgraph_agentstore memories"
MEMORIES_VERSION: Final = 1
_COLUMNS: Final[Columns] = {
    "namespace": "json",
    "key": "text",
    "value": "json",
    "created_at": "time",
    "updated_at": "time",
}
_IF_EXPORTED: Final = (
    "if it is an export or a backup, make the agent with another file, and call import_ or "
    "restore_data there"
)
_PICKLE_HEAD: Final = b"langgraph_agentstore memories 1\n"


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One item of a file. `text` is the value as JSON; times are aware."""

    namespace: Labels
    key: str
    text: bytes
    created_at: datetime
    updated_at: datetime


MemoryEntries: TypeAlias = dict[tuple[Labels, str], MemoryEntry]
"""The entries of a file, by namespace and key."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """The two conversions of a format."""

    dump: Callable[[Iterable[MemoryEntry]], bytes]
    load: Callable[[bytes], Iterable[MemoryEntry]]


def file_format(name: str, encryption_key: Keys | None) -> FileFormat:
    """Return the format of that name. Pickle needs a key, to sign files.

    Raises:
        ConfigurationError: the format is unknown, or pickle has no key.
        MissingExtraError: PyYAML is not installed, for YAML.
    """
    if name not in FILE_FORMATS:
        raise ConfigurationError(f"format {name!r} is not known; known: {', '.join(FILE_FORMATS)}")
    if name == "pickle":
        return _signed_pickle(None if encryption_key is None else Cipher(encryption_key))
    if name == "yaml":
        yaml_stream.imported_yaml()
    return _FILE_FORMATS[name]


def entries_of(format: FileFormat, content: bytes, shown: str) -> list[MemoryEntry]:
    """Return the entries of a file; errors name the file as `shown`.

    Raises:
        DamagedFileError: the file was cut or altered, or is something else.
    """
    try:
        return list(format.load(content))
    except DamagedFileError as error:
        raise DamagedFileError(f"{shown}: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedFileError(
            f"{shown} cannot be read as a file of memories ({type(error).__name__}): it was cut, "
            "altered or is something else; restore a backup, or name another file"
        ) from error


def _memory_document(entry: MemoryEntry, value: Any) -> dict[str, Any]:
    return {
        "namespace": list(entry.namespace),
        "key": entry.key,
        "value": value,
        "created_at": entry.created_at.isoformat(),
        "updated_at": entry.updated_at.isoformat(),
    }


def _memory_entry(document: dict[str, Any]) -> MemoryEntry:
    namespace, key = document["namespace"], document["key"]
    if not isinstance(key, str) or not all(isinstance(label, str) for label in namespace):
        raise DamagedFileError("a key or a namespace is no text")
    return MemoryEntry(
        tuple(namespace),
        key,
        encode_value(document["value"]),
        _time(document["created_at"]),
        _time(document["updated_at"]),
    )


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise DamagedFileError(
            "a time is not one of ISO 8601, such as 2024-12-27T14:30:00+00:00; a spreadsheet that "
            "saves the file may have rewritten it"
        ) from None
    if time.tzinfo is None:
        raise DamagedFileError(f"the time {text!r} has no time zone")
    return time


def _whole(entries: Iterable[MemoryEntry]) -> dict[str, Any]:
    items = [_memory_document(entry, decode_value(entry.text)) for entry in entries]
    return {"format": MEMORIES_FORMAT, "version": MEMORIES_VERSION, "items": items}


def _parts(whole: Any) -> Iterable[MemoryEntry]:
    if not isinstance(whole, dict) or whole.get("format") != MEMORIES_FORMAT:
        raise DamagedFileError(f"this is not a file of memories; {_IF_EXPORTED}")
    if whole.get("version") != MEMORIES_VERSION:
        raise DamagedFileError(
            f"its version is {whole.get('version')!r}, and this release reads {MEMORIES_VERSION}; "
            "upgrade the package"
        )
    return map(_memory_entry, whole["items"])


def _dump_json(entries: Iterable[MemoryEntry]) -> bytes:
    # One item per line, so that two versions of the file can be compared.
    head = orjson.dumps({"format": MEMORIES_FORMAT, "version": MEMORIES_VERSION})[:-1]
    items = b",\n".join(
        orjson.dumps(_memory_document(entry, orjson.Fragment(entry.text))) for entry in entries
    )
    return head + b',"items":[\n' + items + b"\n]}\n"


def _load_json(content: bytes) -> Iterable[MemoryEntry]:
    return _parts(orjson.loads(content))


def _dump_yaml(entries: Iterable[MemoryEntry]) -> bytes:
    return yaml_stream.dump([_whole(entries)], width=10_000)


def _load_yaml(content: bytes) -> Iterable[MemoryEntry]:
    try:
        (whole,) = yaml_stream.load(content)
    except yaml_stream.imported_yaml().YAMLError as error:
        raise DamagedFileError("its YAML was cut or altered") from error
    return _parts(whole)


def _dump_csv(entries: Iterable[MemoryEntry]) -> bytes:
    file = io.BytesIO()
    CsvRows(file, _COLUMNS).add(
        {
            "namespace": json.dumps(entry.namespace, ensure_ascii=False),
            "key": entry.key,
            "value": entry.text.decode(),
            "created_at": entry.created_at.isoformat(),
            "updated_at": entry.updated_at.isoformat(),
        }
        for entry in entries
    )
    return file.getvalue()


def _load_csv(content: bytes) -> Iterable[MemoryEntry]:
    if not content.endswith(b"\n"):
        raise DamagedFileError("its last line was cut")
    try:
        header, rows = table_of(io.StringIO(content.decode("utf-8-sig"), newline=""))
        if header != list(_COLUMNS):
            raise DamagedFileError(f"its first line is not {','.join(_COLUMNS)}; {_IF_EXPORTED}")
        return [_csv_entry(row) for row in rows]
    except csv.Error as error:
        raise DamagedFileError(f"its CSV was cut or altered ({error})") from error


def _csv_entry(row: list[str]) -> MemoryEntry:
    if len(row) != len(_COLUMNS):
        raise DamagedFileError(f"a row has {len(row)} cells in place of {len(_COLUMNS)}")
    document: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    for name in ("namespace", "value"):
        document[name] = orjson.loads(document[name])
    return _memory_entry(document)


def _signed_pickle(cipher: Cipher | None) -> FileFormat:
    if cipher is None:
        raise ConfigurationError(
            "a pickle file is signed and read with a key: pass encryption_key=, made once by "
            "MemoryAgent.generate_key(); or use 'json', which needs none"
        )

    def dump(entries: Iterable[MemoryEntry]) -> bytes:
        body = pickle.dumps(_whole(entries), protocol=5)
        return _PICKLE_HEAD + cipher.signature(body) + body

    def load(content: bytes) -> Iterable[MemoryEntry]:
        if not content.startswith(_PICKLE_HEAD):
            raise DamagedFileError("this is not a signed pickle file of memories")
        signed = content[len(_PICKLE_HEAD) :]
        signature, body = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not cipher.has_signed(body, signature):
            raise DamagedFileError(
                "its signature is not that of this key: it was altered, or signed with another "
                "key; nothing of it was unpickled"
            )
        return _parts(_PlainUnpickler(io.BytesIO(body)).load())

    return FileFormat(dump, load)


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler of dicts, lists and scalars only: nothing is called, even in a signed file."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise DamagedFileError(f"it would load {module_name}.{global_name}")


_FILE_FORMATS: Final = {
    "json": FileFormat(_dump_json, _load_json),
    "csv": FileFormat(_dump_csv, _load_csv),
    "yaml": FileFormat(_dump_yaml, _load_yaml),
}
FILE_FORMATS: Final = (*_FILE_FORMATS, "pickle")
