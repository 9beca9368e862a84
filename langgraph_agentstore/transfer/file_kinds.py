"""Files by name: format, compression, and writing all or nothing."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, get_args

from typing_extensions import Buffer

from .._support.files import expanded, is_shared, replacement_of
from .._support.optional import imported
from ..errors import ConfigurationError

FormatName: TypeAlias = Literal["jsonl", "json", "csv", "yaml", "parquet"]

_FORMATS: dict[str, FormatName] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".parquet": "parquet",
}
_COMPRESSIONS = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Kind:
    """The format and compression of a file; `compression` is ".gz", ".zst" or "" for none."""

    format: FormatName
    compression: str = ""


ALL_FORMATS: tuple[FormatName, ...] = get_args(FormatName)


def kind_of(
    path: str | os.PathLike[str],
    format: FormatName | None = None,
    *,
    known: Sequence[FormatName] = ALL_FORMATS,
    default: FormatName | None = None,
) -> Kind:
    """Return the kind that a file's name ends with; `format` overrides, `default` is for others.

    Raises:
        ConfigurationError: the name has no known format, or compresses Parquet.
    """
    name = Path(path)
    compression = name.suffix.lower() if name.suffix.lower() in _COMPRESSIONS else ""
    inner = name.with_suffix("") if compression else name
    named = _FORMATS.get(inner.suffix.lower(), default) if format is None else format
    if named is None or named not in known:
        endings = [ending for ending, of in _FORMATS.items() if of in known]
        raise ConfigurationError(
            f"{name.name!r} says no format{'' if format is None else f', nor does {format!r}'}; "
            f"known endings: {', '.join(endings)}, each but .parquet with .gz or .zst, or "
            f"format= one of {', '.join(known)}"
        )
    if named == "parquet" and compression:
        raise ConfigurationError(
            f"{name.name!r}: Parquet compresses by itself; leave {compression} out"
        )
    return Kind(named, compression)


@contextmanager
def writing(path: str | os.PathLike[str], kind: Kind) -> Iterator[IO[bytes]]:
    """Yield a compressing stream; it replaces the file at the end unless the block fails."""
    path = expanded(path)
    folder = path.parent
    if not folder.is_dir():
        raise ConfigurationError(f"the folder {str(folder)!r} is not there; make it first")
    if is_shared(path):
        raise ConfigurationError(
            f"{str(path)!r} is a file that memories are kept in, by the lock file beside it: "
            "name another file"
        )
    if kind.compression == ".zst":
        zstandard()  # raises before a file is created
    with replacement_of(path) as file:
        stream = _compressed(_Stream(file.write), kind)
        yield stream
        stream.close()


def _compressed(stream: Any, kind: Kind) -> IO[bytes]:
    if kind.compression == ".gz":
        # No name and no time, so that equal contents are equal files.
        stream = gzip.GzipFile("", "wb", 6, stream, 0)
    elif kind.compression == ".zst":
        stream = zstandard().ZstdCompressor(level=3).stream_writer(stream, closefd=False)
    compressed: IO[bytes] = stream
    return compressed


def plain(file: IO[bytes], kind: Kind) -> IO[bytes]:
    """Return a stream of an open file's unpacked content; closing it leaves the file open."""
    file.seek(0)
    if kind.compression == ".gz":
        unpacked: Any = gzip.GzipFile("", "rb", fileobj=file)
    elif kind.compression == ".zst":
        reader = (
            zstandard()
            .ZstdDecompressor()
            .stream_reader(file, read_across_frames=True, closefd=False)
        )
        unpacked = io.BufferedReader(reader, 2**17)
    else:
        return file
    stream: IO[bytes] = unpacked
    return stream


def zstandard() -> Any:
    """Return the package of the extra `zstd`."""
    return imported("zstandard", "zstd")


class _Stream(io.RawIOBase):
    """A write-only file over a function that takes bytes."""

    def __init__(self, write: Callable[[Any], object]) -> None:
        self._write = write
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        view = memoryview(data)
        self._write(view)
        self._position += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._position
