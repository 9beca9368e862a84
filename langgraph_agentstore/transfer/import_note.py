"""How far an import came, in a file beside the one that is imported."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from .._support.files import expanded, replacement_of
from ..errors import InvalidOperationError, TransferError
from ..sql.items.import_records import Conflict
from .manifest import Manifest

SUFFIX = ".resume"


class Note:
    """Says what is being imported to where, and how many of its records are written.

    It is written after each batch. Between the two an import may be killed, so of the batch after
    `done` nobody knows.
    """

    def __init__(self, path: Path | None, about: dict[str, str]) -> None:
        self._path = path
        self._about = about
        self.done = 0
        self.resumed = path is not None and path.exists()
        if path is not None and self.resumed:
            self.done = _read(path, about)

    def write(self, done: int) -> None:
        """So many records, from the first on, are written."""
        if self._path is not None:
            with replacement_of(self._path) as file:
                file.write(orjson.dumps({**self._about, "done": done}))

    def remove(self) -> None:
        """All are."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def note_of(
    resume: bool | str | os.PathLike[str],
    path: str | os.PathLike[str],
    manifest: Manifest,
    target: str,
    conflict: Conflict,
) -> Note:
    """The note of an import; without `resume` one that is not kept.

    Raises:
        TransferError: there is a note, of another import.
        InvalidOperationError: "fail" writes all or nothing, so there is nothing to resume.
    """
    if resume is False:
        return Note(None, {})
    if conflict == "fail":
        raise InvalidOperationError(
            "on_conflict='fail' writes all or nothing, so it cannot be resumed; leave resume out"
        )
    place = expanded(f"{os.fspath(path)}{SUFFIX}" if resume is True else resume)
    about = {"sha256": manifest.sha256, "target": target, "on_conflict": conflict}
    return Note(place, about)


def _read(path: Path, about: dict[str, str]) -> int:
    try:
        noted = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        noted = None
    done = noted.pop("done", None) if isinstance(noted, dict) else None
    if type(done) is not int or done < 0 or noted != about:
        raise TransferError(
            f"{str(path)!r} notes an import of another file, into another store or with another "
            "on_conflict: finish that one first, or remove the note to begin anew"
        )
    return done
