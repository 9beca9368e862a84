"""Dialect 1: an agent's files as spoon_ai's agents know them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from langgraph.store.base import BaseStore as LangGraphStore

from ..._support.lifecycle import AwaitedClosing
from ...model.namespaces import Labels
from ...store.steps import Steps, arun, run
from ...store.user_scope import labels_naming
from ..file_value import line_form
from ..operations import download, upload
from ..storage import checked_namespace, checked_store, storage_for
from .operations import (
    edit_text,
    glob_files,
    grep_lines,
    list_folder,
    read_lines,
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
        return run(list_folder(self._storage, path))

    async def als_info(self, path: str) -> list[FileInfo]:
        """As `ls_info`."""
        return await arun(list_folder(self._storage, path))

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """`limit` lines from `offset` on, each as its number from 1, a tab, and its text.

        Lines end where `str.splitlines` says. One of more than 10,000 characters goes on in rows
        numbered 7.1, 7.2, … Below 0 counts as 0.
        """
        return run(read_lines(self._storage, file_path, offset, limit))

    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """As `read`."""
        return await arun(read_lines(self._storage, file_path, offset, limit))

    def write(self, file_path: str, content: str) -> WriteResult:
        """Makes a new file; of several who try at once, one succeeds."""
        return run(write_new(self._storage, file_path, content))

    async def awrite(self, file_path: str, content: str) -> WriteResult:
        """As `write`."""
        return await arun(write_new(self._storage, file_path, content))

    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Replaces a text that is there once, or wherever it is. No concurrent edit is lost."""
        return run(edit_text(self._storage, file_path, old_string, new_string, replace_all))

    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """As `edit`."""
        return await arun(edit_text(self._storage, file_path, old_string, new_string, replace_all))

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
        return run(grep_lines(self._storage, pattern, path, glob))

    async def agrep_raw(
        self, pattern: str, path: str | None = None, glob: str | None = None
    ) -> list[GrepMatch] | str:
        """As `grep_raw`."""
        return await arun(grep_lines(self._storage, pattern, path, glob))

    def glob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """The files whose path, as seen from a folder, matches; the newest first, then by path.

        `*.py` is in the folder itself, `**/*.py` at any depth, `{a,b}` one of two.
        """
        return run(glob_files(self._storage, pattern, path))

    async def aglob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """As `glob_info`."""
        return await arun(glob_files(self._storage, pattern, path))

    def upload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Writes bytes to paths, whatever is there; one answer for each, in their order."""
        return run(self._uploading(files))

    async def aupload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """As `upload_files`."""
        return await arun(self._uploading(files))

    def download_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """The bytes of files, just as they were uploaded or written; in the order of `paths`."""
        return run(download(self._storage, paths, FileDownloadResponse))

    async def adownload_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """As `download_files`."""
        return await arun(download(self._storage, paths, FileDownloadResponse))

    def _uploading(self, files: Sequence[tuple[str, bytes]]) -> Steps[list[FileUploadResponse]]:
        return upload(self._storage, files, line_form, self.binary_files, FileUploadResponse)

    def close(self) -> None:
        """Closes the file that `create_store_backend` opened; a store that was given stays open.

        Idempotent.
        """
        if self._opened is not None:
            self._opened.close()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)


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
