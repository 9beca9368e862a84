"""YAML: a stream of documents, of which the last is the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any

from ..._support.optional import imported
from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_entry
from .base import Entry, FileWriter, entry_of


class _YamlWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        imported_yaml()

    def add(self, entries: Sequence[Entry]) -> None:
        self._file.write(dump([entry.document for entry in entries], explicit_start=True))

    def finish(self, manifest: Manifest) -> None:
        self._file.write(dump([manifest_entry(manifest)], explicit_start=True))

    def close(self) -> None:
        pass


def writer(file: IO[bytes]) -> FileWriter:
    """Return a writer to a stream."""
    return _YamlWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """Yield the documents, one after another."""
    yield from map(entry_of, load(file))


def dump(documents: Sequence[Any], **layout: Any) -> bytes:
    """Return documents as YAML. Equal parts are written twice: JSON has no references.

    `layout`: more arguments of PyYAML's `dump_all`.
    """
    yaml = imported_yaml()
    plain = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper = type("Dumper", (plain,), {"ignore_aliases": lambda _self, _data: True})
    text: bytes = yaml.dump_all(
        documents, Dumper=dumper, allow_unicode=True, sort_keys=False, encoding="utf-8", **layout
    )
    return text


def load(content: IO[bytes] | bytes) -> Iterator[Any]:
    """Yield the documents of a stream.

    Raises:
        DamagedFileError: a document has references: a few lines of them can mean gigabytes.
    """
    yaml = imported_yaml()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for document in yaml.load_all(content, Loader=loader):
        _refuse_references(document, set())
        yield document


def imported_yaml() -> Any:
    """Return PyYAML.

    Raises:
        MissingExtraError: PyYAML is not installed.
    """
    return imported("yaml", "yaml")


def _refuse_references(value: Any, seen: set[int]) -> None:
    if isinstance(value, (dict, list)):
        if id(value) in seen:
            raise DamagedFileError("it has references, which no export has")
        seen.add(id(value))
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_references(part, seen)
