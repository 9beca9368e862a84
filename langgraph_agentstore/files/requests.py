"""What files ask of a store, as data; and the two ways to run what asks.

Each operation on files is a *program*: a generator that yields steps and is sent their results.
It is written once, knows no store, and is run by blocking calls (`run`) or awaited ones (`arun`).
A step that fails raises where it was yielded.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from .._support.sans_io import adrive, drive
from .sql import Reach, SizeUnit

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Seen:
    """A value as it was read, and what tells whether it is still there."""

    value: dict[str, Any]
    mark: Any


@dataclass(frozen=True, slots=True)
class Read:
    """The values at paths, in their order, None where there is none."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """The value at a path as `Seen`, to be replaced; None if there is none."""

    path: str


@dataclass(frozen=True, slots=True)
class Create:
    """Writes where nothing is; raises VersionConflictError where something is."""

    path: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Replace:
    """Writes over what was seen; raises VersionConflictError if that is no longer there."""

    path: str
    value: dict[str, Any]
    seen: Seen


@dataclass(frozen=True, slots=True)
class Write:
    """Writes, whatever is there; a list with an error, or None, for each."""

    files: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Writes, whatever is there; a file that is there keeps its `created_at`.

    Whether that was done: not every storage can in one go, and then nothing was.
    """

    path: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Children:
    """A list of `FileEntry`: what is directly in a folder, whose path ends with `/`; by path."""

    folder: str
    unit: SizeUnit


@dataclass(frozen=True, slots=True)
class Entries:
    """A list of `FileEntry`: the files within reach, and maybe others; by path."""

    reach: Reach
    unit: SizeUnit


@dataclass(frozen=True, slots=True)
class Contents:
    """(path, value) of the files within reach that hold a literal, and maybe others; by path."""

    reach: Reach
    literal: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a path and everything below it; how many files that were."""

    path: str


Step: TypeAlias = (
    Read | Look | Create | Replace | Write | Overwrite | Children | Entries | Contents | Remove
)

Program: TypeAlias = Generator[Step, Any, ResultT]


class FileStorage(Protocol):
    """One namespace of a store, in which steps are done."""

    def do(self, step: Step) -> Any:
        """The step's result; blocks."""

    async def ado(self, step: Step) -> Any:
        """As `do`, awaited."""


def run(program: Program[ResultT], storage: FileStorage) -> ResultT:
    """Blocks until the program is done."""
    return drive(program, storage.do)


async def arun(program: Program[ResultT], storage: FileStorage) -> ResultT:
    """As `run`, awaited."""
    return await adrive(program, storage.ado)
