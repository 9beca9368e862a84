"""Verification of files: a whole file is read before any record is used."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import IO, Final, TypeAlias

from typing_extensions import Buffer

from .._support.files import expanded
from .._support.progress import Progress, telling_progress
from ..errors import AgentStoreError, DamagedFileError, InvalidValueError, MissingExtraError
from ..model.users import SHARED
from .file_kinds import FormatName, Kind, kind_of, plain
from .formats import FORMATS
from .formats.base import LARGEST_RECORD_BYTES, Document, Entry, Format, too_large
from .manifest import Manifest, Tally
from .rows_beside import is_beside
from .signing import SigningKey, check_signature

Check: TypeAlias = Callable[[Document], object]
"""A function that raises an AgentStoreError for a record that cannot be written."""

_OF_A_SPREADSHEET = (
    "; a spreadsheet that saves the file changes numbers and times and cuts long cells: import "
    "the original, or JSON Lines"
)

_CHUNK_BYTES: Final = 2**17


def verified(
    path: str | os.PathLike[str],
    format: FormatName | None,
    max_record_bytes: int,
    signed_by: SigningKey | None = None,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Verify a file as `transfer.verify` says."""
    kind, name = kind_of(path, format), os.fspath(path)
    with expanded(path).open("rb") as file, telling_progress(progress, "verifying") as tell:
        manifest = Verifiable(file, kind, name, most=max_record_bytes).verify(progress=tell)
    if signed_by is not None:
        check_signature(manifest, signed_by, name)
    return manifest


class Verifiable:
    """An open file of records. The same open file is verified and then read, so none can differ.

    `largest`: the bytes of the largest verified record.
    """

    def __init__(
        self,
        file: IO[bytes],
        kind: Kind,
        name: str,
        *,
        foreign: bool = False,
        most: int = LARGEST_RECORD_BYTES,
    ) -> None:
        self._file = file
        self._kind = kind
        self._name = name
        self._foreign = foreign
        self._most = most
        self.largest = 0

    def verify(self, check: Check | None = None, progress: Progress | None = None) -> Manifest:
        """Read the whole file; return its manifest, or a new one for a foreign file without one.

        Raises:
            DamagedFileError: the file has no manifest, or its records do not match it.
            AgentStoreError: an error of `check`, with the number of the record.
        """
        tally, manifest = Tally(), None
        for entry in self._entries():
            if manifest is not None:
                raise self._damaged("there is more after its manifest")
            if isinstance(entry, Manifest):
                manifest = entry
                continue
            self.largest = max(self.largest, len(entry.line))
            tally.add(entry.line, _user_of(entry.document) if self._foreign else SHARED)
            if check is not None and not is_beside(entry.document):
                _checked_entries(entry.document, check, tally.records)
            if progress is not None:
                progress(tally.records)
        if manifest is None and self._foreign:
            return tally.manifest("users", None)
        self._compare(manifest, tally)
        assert manifest is not None
        return manifest

    def records(self) -> Iterator[Document]:
        """Yield the records from the first on."""
        for entry in self._entries():
            if isinstance(entry, Entry) and not is_beside(entry.document):
                yield entry.document

    def _compare(self, manifest: Manifest | None, tally: Tally) -> None:
        if manifest is None:
            raise self._damaged(
                "it has no manifest at its end: it was cut off, or is another program's; "
                "documents of the original data_store are imported with foreign=True"
            )
        if manifest.records != tally.records:
            raise self._damaged(
                f"it has {tally.records} records, its manifest says {manifest.records}"
            )
        if manifest.sha256 != tally.sha256:
            hint = _OF_A_SPREADSHEET if self._kind.format == "csv" else ""
            raise self._damaged(
                f"its records were altered: their checksum is not the manifest's{hint}"
            )

    def _entries(self) -> Iterator[Entry | Manifest]:
        # Other programs lay out JSON differently; the format "json" reads any layout.
        json = self._foreign and self._kind.format in ("json", "jsonl")
        format = FORMATS["json" if json else self._kind.format]
        try:
            yield from self._bounded(format)
        except (MissingExtraError, MemoryError, GeneratorExit):
            raise
        except DamagedFileError as error:
            raise self._damaged(str(error)) from None
        except InvalidValueError as error:
            raise self._damaged(f"it was cut off or altered: {error}") from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk failed, the file is not damaged
            raise self._damaged(
                f"it cannot be read to its end as {self._kind.format}{self._kind.compression} "
                f"({type(error).__name__}): it was cut off or altered, or is something else"
            ) from error

    def _bounded(self, format: Format) -> Iterator[Entry | Manifest]:
        if self._kind.format == "parquet":
            yield from format.read(self._file, self._most)
            return
        stream = BoundedStream(plain(self._file, self._kind), self._most)
        for entry in format.read(io.BufferedReader(stream), self._most):
            stream.begin_record()
            yield entry

    def _damaged(self, reason: str) -> DamagedFileError:
        return DamagedFileError(f"{self._name!r}: {reason}")


class BoundedStream(io.RawIOBase):
    """A stream that limits the bytes of one record: a small file can unpack to anything."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._most = most
        self._taken = 0

    def begin_record(self) -> None:
        """Count from zero: the previous record is complete."""
        self._taken = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read into a buffer; return the number of bytes."""
        view = memoryview(buffer)
        data = self._stream.read(min(len(view), _CHUNK_BYTES))
        view[: len(data)] = data
        self._taken += len(data)
        # Bytes that are read ahead belong to the next record.
        if self._taken > self._most + 2 * _CHUNK_BYTES:
            raise too_large(self._most)
        return len(data)


def _user_of(document: object) -> str:
    user = document.get("userId") if isinstance(document, dict) else None
    return user if isinstance(user, str) else ""


def _checked_entries(document: Document, check: Check, number: int) -> None:
    try:
        check(document)
    except AgentStoreError as error:
        error.args = (f"document {number}: {error}; nothing was written",)
        raise
