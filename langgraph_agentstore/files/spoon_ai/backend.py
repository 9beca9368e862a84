"""`StoreBackend`: the files of an agent, in the protocol of spoon_ai."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from langgraph.store.base import BaseStore as LangGraphStore

from ..._support.lifecycle import AwaitedClosing
from ...model.namespaces import Labels
from ...store.step_driver import Steps, arun, run
from ...store.user_scope import labels_naming
from ..file_value import line_form
from ..shared_operations import download, upload
from ..storage import FILESYSTEM, checked_namespace, checked_store, storage_for
from .operations import edit_file, glob_info, grep_lines, list_info, read_lines, write_new
from .results import (
    EditResult,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GrepMatch,
    WriteResult,
)
from .stores import BaseStore, FromLangGraph, InMemoryStore, SQLiteStore, ToLangGraph


class StoreBackend(AwaitedClosing):
    """The file backend of spoon_ai agents: files in a store. `ax` is the async form of `x`.

    Paths are not normalized: `notes.txt` and `/notes.txt` are two files. Failed requests are
    reported in the result; only store failures and invalid globs raise.

    Args:
        store: any LangGraph store, or a store of spoon_ai's kind.
        namespace: the exact namespace of the files; by default `("filesystem",)`.
        assistant_id: a label before the namespace, so that each assistant has its own files. Any
            id is allowed, even one with periods.
        binary_files: let `upload_files` accept bytes that are not UTF-8, stored as base64.

    Raises:
        ConfigurationError: the store is not a store, or the namespace is not a tuple of strings.
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
        # Earlier releases used the id itself as the label, if LangGraph allowed it.
        label = tuple(labels_naming(one)[-1] for one in assistant)
        self._storage = storage_for(_as_langgraph(store), (*label, *below))
        self._opened: SQLiteStore | None = None

    def ls_info(self, path: str) -> list[FileInfo]:
        """List the files and folders directly in a folder, by path; `[]` for an unknown folder."""
        return run(list_info(self._storage, path))

    async def als_info(self, path: str) -> list[FileInfo]:
        """Async form of `ls_info`."""
        return await arun(list_info(self._storage, path))

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """Return `limit` lines from `offset` on, each as its number from 1, a tab and its text.

        Lines are split as by `str.splitlines`. A line of more than 10,000 characters continues in
        rows numbered 7.1, 7.2, … A negative `offset` or `limit` counts as 0.
        """
        return run(read_lines(self._storage, file_path, offset, limit))

    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> str:
        """Async form of `read`."""
        return await arun(read_lines(self._storage, file_path, offset, limit))

    def write(self, file_path: str, content: str) -> WriteResult:
        """Create a file; of several concurrent calls for one path, exactly one succeeds."""
        return run(write_new(self._storage, file_path, content))

    async def awrite(self, file_path: str, content: str) -> WriteResult:
        """Async form of `write`."""
        return await arun(write_new(self._storage, file_path, content))

    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Replace a text that occurs once, or all occurrences. No concurrent edit is lost."""
        return run(edit_file(self._storage, file_path, old_string, new_string, replace_all))

    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Async form of `edit`."""
        return await arun(edit_file(self._storage, file_path, old_string, new_string, replace_all))

    def grep_raw(
        self, pattern: str, path: str | None = None, glob: str | None = None
    ) -> list[GrepMatch] | str:
        r"""Find the lines that match a regular expression, by path and line, or return an error.

        Args:
            pattern: an expression of Python's `re`, of at most 1,000 characters. It runs in
                linear time. Look-around, back-references and verbose patterns are therefore
                invalid, and `\b` knows only ASCII letters. The server searches for the longest
                literal of the pattern. If a pattern has no literal, such as `a|b`, the server
                sends every file.
            path: a folder; by default, all files.
            glob: a pattern for the base name of a file.
        """
        return run(grep_lines(self._storage, pattern, path, glob))

    async def agrep_raw(
        self, pattern: str, path: str | None = None, glob: str | None = None
    ) -> list[GrepMatch] | str:
        """Async form of `grep_raw`."""
        return await arun(grep_lines(self._storage, pattern, path, glob))

    def glob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """Find the files whose path matches, the newest first, then by path.

        The pattern is relative to the folder `path`: `*.py` matches in the folder itself,
        `**/*.py` at any depth, `{a,b}` either alternative.
        """
        return run(glob_info(self._storage, pattern, path))

    async def aglob_info(self, pattern: str, path: str = "/") -> list[FileInfo]:
        """Async form of `glob_info`."""
        return await arun(glob_info(self._storage, pattern, path))

    def upload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Write bytes to paths, replacing files; return one result for each, in their order."""
        return run(self._uploading(files))

    async def aupload_files(self, files: Sequence[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Async form of `upload_files`."""
        return await arun(self._uploading(files))

    def download_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """Return the bytes of files exactly as uploaded or written, in the order of `paths`."""
        return run(download(self._storage, paths, FileDownloadResponse))

    async def adownload_files(self, paths: Sequence[str]) -> list[FileDownloadResponse]:
        """Async form of `download_files`."""
        return await arun(download(self._storage, paths, FileDownloadResponse))

    def _uploading(self, files: Sequence[tuple[str, bytes]]) -> Steps[list[FileUploadResponse]]:
        return upload(self._storage, files, line_form, self.binary_files, FileUploadResponse)

    def close(self) -> None:
        """Close the file that `create_store_backend` opened; a given store stays open.

        Idempotent.
        """
        if self._opened is not None:
            self._opened.close()

    async def aclose(self) -> None:
        """Async form of `close`."""
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
    """Create a backend for the given store, else for an SQLite file, else in memory.

    SQLite needs the extra `sqlite`. The file is closed by the backend's `close()` or at the end
    of a `with` block.

    Args:
        store: any LangGraph store, or a store of spoon_ai's kind.
        db_path: the SQLite file, used if `store` is None.
        use_sqlite: False keeps the files in memory if `store` is None.
        namespace: see `StoreBackend`.
        assistant_id: see `StoreBackend`.
        binary_files: see `StoreBackend`.

    Raises:
        MissingExtraError: SQLite is requested and the extra is not installed.
    """
    with ExitStack() as closing:
        opened = None
        if store is None and use_sqlite:
            store = opened = closing.enter_context(SQLiteStore(db_path))
        elif store is None:
            store = InMemoryStore()
        backend = StoreBackend(store, namespace, assistant_id, binary_files=binary_files)
        backend._opened = opened
        closing.pop_all()  # From here on, the backend closes the file.
    return backend


def _as_langgraph(store: object) -> LangGraphStore:
    if isinstance(store, FromLangGraph):
        return store.store
    if isinstance(store, BaseStore):
        return ToLangGraph(store)
    return checked_store(store)
