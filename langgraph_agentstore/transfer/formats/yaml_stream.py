"""YAML: a stream of documents, the manifest the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any

from ..._support.optional import imported
from ...errors import DamagedFileError
from ..manifest import Manifest, manifest_entry
from .base import Entry, Writer, entry_of


class _YamlWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._yaml = _yaml()
        plain = getattr(self._yaml, "CSafeDumper", self._yaml.SafeDumper)
        # Equal parts of a document are written twice: a reference is no part of JSON.
        self._dumper = type("Dumper", (plain,), {"ignore_aliases": lambda _self, _data: True})

    def add(self, entries: Sequence[Entry]) -> None:
        self._write([entry.document for entry in entries])

    def finish(self, manifest: Manifest) -> None:
        self._write([manifest_entry(manifest)])

    def close(self) -> None:
        pass

    def _write(self, documents: list[Any]) -> None:
        text = self._yaml.dump_all(
            documents,
            Dumper=self._dumper,
            explicit_start=True,
            allow_unicode=True,
            sort_keys=False,
            encoding="utf-8",
        )
        self._file.write(text)


def writer(file: IO[bytes]) -> Writer:
    """What writes to a stream."""
    return _YamlWriter(file)


def read(file: IO[bytes], _most: int = 0, /) -> Iterator[Entry | Manifest]:
    """The documents, one after another."""
    yaml = _yaml()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for document in yaml.load_all(file, Loader=loader):
        refuse_references(document, set())
        yield entry_of(document)


def refuse_references(value: Any, seen: set[int]) -> None:
    """Refuse what refers to itself: a document of a few lines can stand for gigabytes.

    Raises:
        DamagedFileError: it has references.
    """
    if isinstance(value, (dict, list)):
        if id(value) in seen:
            raise DamagedFileError("it has references, which no export has")
        seen.add(id(value))
        for part in value.values() if isinstance(value, dict) else value:
            refuse_references(part, seen)


def _yaml() -> Any:
    return imported("yaml", "yaml")
