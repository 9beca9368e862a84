"""Dialect 1: an agent's files as spoon_ai's agents know them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TypeVar

from langgraph.store.base import BaseStore as LangGraphStore

from ..._support.lifecycle import AwaitedClosing
from ...errors import InvalidOperationError
from ...model.namespaces import Labels
from ...store.user_scope import labels_naming
from ..expressions import compiled, literal_of
from ..requests import Program, arun, run
from ..storage import checked_namespace, checked_store, storage_for
from .operations import (
    download,
    edit_text,
    glob_files,
    grep_lines,
    list_folder,
    read_lines,
    upload,
    write_new,
)
from .results import (
    EditResult,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GrepMatch,
    WriteResult,
)
from .stores import BaseStore, FromLangGraph, InMemoryStore, SQLiteStore, ToLangGraph

FILESYSTEM: Labels = ("filesystem",)

ResultT = TypeVar("ResultT")


class StoreBackend(AwaitedClosing):
    """Files in a store, which last from one conversation to the next. `ax` is `x`, awaited.

    A path is taken as it is: `notes.txt` and `/notes.txt` are two files. What a method is asked
    in vain it says in its result; only a store that fails, or a glob that is none, raises.

    Args:
        store: any store of LangGraph's, or of this dialect's.
        namespace: where the files are, just there; left out, `("filesystem",)`.
        assistant_id: put before the namespace, so that several assistants have their own files;
            any id, also one with periods.
        binary_files: `upload_files` takes what is no UTF-8 too, and keeps it as base64.

    Raises:
        ConfigurationError: the store is none, or the namespace is no tuple of strings.
    """

    def __init__(
        self,
        store: LangGraphStore | BaseStore,
        namespace: Labels | None = None,
        assistant_id: str | None = None,
        *,
        binary_files: bool = False,
    ) -> None:
        self.store = store
        self.binary_files = binary_files
        assistant = (assistant_id,) if assistant_id else ()
        below = namespace or FILESYSTEM
        self.namespace = checked_namespace((*assistant, *below))
        # The label as it is, where LangGraph takes it: files are there from earlier releases.
        label = tuple(labels_naming(one)[-1] for one in assistant)
        self._storage = storage_for(_as_langgraph(store), (*label, *below))
        self._opened: SQLiteStore | None = None

    def ls_info(self, path: str) -> list[FileInfo]:
        """What is directly in a folder, by path; nothing, if there is no such folder."""
        return self._run(list_folder(path))

    async def als_info(self, path: str) -> list[FileInfo]:
        """As `ls_info`."""
        return await self._arun(list_folder(path))

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """`limit` lines from `offset` on, each as its number from 1, a tab, and its text.

        Lines end where `str.splitlines` says. One of more than 10,000 characters goes on in rows
        numbered 7.1, 7.2, … Below 0 counts as 0.
        """
        return self._run(read_lines(file_path, offset, limit))

    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """As `read`."""
        return await self._arun(read_lines(file_path, offset, limit))

    def write(self, file_path: str, content: str) -> WriteResult:
        """Makes a new file; of several who try at once, one succeeds."""
        return self._run(write_new(file_path, content))

    async def awrite(self, file_path: str, content: str) -> WriteResult:
        """As `write`."""
        return await self._arun(write_new(file_path, content))

    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Replaces a text that is there once, or wherever it is. No concurrent edit is lost."""
        return self._run(edit_text(file_path, old_string, new_string, replace_all))

    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """As `edit`."""
        return await self._arun(edit_text(file_path, old_string, new_string, replace_all))

    def grep_raw(
        self, pattern: str, path: str | None = None, glob: str | None = None
    ) -> list[GrepMatch] | str:
        r"""The lines in which a regular expression is found, by path and line; or what is wrong.

        Args:
            pattern: an expression of Python's `re`, of at most 1,000 characters. It runs in
                linear time, so look-around, back-references and verbose patterns are invalid,
                and `\b` knows the letters of ASCII alone. What it holds literally is looked for
                by the server; one that holds nothing so, such as `a|b`, has every file sent.
            path: a folder; left out, all.
            glob: what the base name of a file must match.
        """
        asked = _grep(pattern, path, glob)
        return asked if isinstance(asked, str) else self._run(asked)

    async def agrep_raw(
        self, pattern: str, path: str | None = None, glob: str | None = None
    ) -> list[GrepMatch] | str:
        """As `grep_raw`."""
        asked = _grep(pattern, path, glob)
        return asked if isinstance(asked, str) else await self._arun(asked)

    def glob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """The files whose path, as seen from a folder, matches; the newest first, then by path.

        `*.py` is in the folder itself, `**/*.py` at any depth, `{a,b}` one of two.
        """
        return self._run(glob_files(pattern, path))

    async def aglob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """As `glob_info`."""
        return await self._arun(glob_files(pattern, path))

    def upload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Writes bytes to paths, whatever is there; one answer for each, in their order."""
        return self._run(upload(files, self.binary_files))

    async def aupload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """As `upload_files`."""
        return await self._arun(upload(files, self.binary_files))

    def download_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """The bytes of files, just as they were uploaded or written; in the order of `paths`."""
        return self._run(download(paths))

    async def adownload_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """As `download_files`."""
        return await self._arun(download(paths))

    def close(self) -> None:
        """Closes the file that `create_store_backend` opened; a store that was given stays open.

        Idempotent.
        """
        if self._opened is not None:
            self._opened.close()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)

    def _run(self, program: Program[ResultT]) -> ResultT:
        return run(program, self._storage)

    async def _arun(self, program: Program[ResultT]) -> ResultT:
        return await arun(program, self._storage)


def create_store_backend(
    store: LangGraphStore | BaseStore | None = None,
    db_path: str = "store.db",
    use_sqlite: bool = True,
    namespace: Labels | None = None,
    assistant_id: str | None = None,
    *,
    binary_files: bool = False,
) -> StoreBackend:
    """Files in the store given; else in a file of SQLite (the extra `sqlite`), or in memory.

    The file is closed by the backend's `close()`, or the end of a `with` block.

    Raises:
        MissingExtraError: SQLite is wanted and the extra is not installed.
    """
    with ExitStack() as closing:
        opened = None
        if store is None and use_sqlite:
            store = opened = closing.enter_context(SQLiteStore(db_path))
        elif store is None:
            store = InMemoryStore()
        backend = StoreBackend(store, namespace, assistant_id, binary_files=binary_files)
        backend._opened = opened
        closing.pop_all()  # from here on the backend closes it
    return backend


def _as_langgraph(store: object) -> LangGraphStore:
    if isinstance(store, FromLangGraph):
        return store.store
    if isinstance(store, BaseStore):
        return ToLangGraph(store)
    return checked_store(store)


def _grep(pattern: str, path: str | None, glob: str | None) -> Program[list[GrepMatch] | str] | str:
    try:
        found_in = compiled(pattern)
    except InvalidOperationError as error:
        return f"Invalid regex pattern: {error}"
    return grep_lines(found_in, literal_of(pattern), path, glob)
