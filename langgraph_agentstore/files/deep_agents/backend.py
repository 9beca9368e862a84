"""Dialect 2: an agent's files as deepagents knows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from langgraph.config import get_store
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore
from typing_extensions import override

from ..._support.lifecycle import Handle
from ..._support.optional import missing
from ...errors import ConfigurationError, MissingUserError
from ...model.namespaces import Labels
from ...model.users import running_user
from ...store.agent_store import AgentStore
from ...store.steps import arun, run
from ...store.user_scope import labels_of_user
from ...store.views import PerUserStore, UserStore
from ..file_value import text_form
from ..operations import download, upload
from ..spoon_ai.backend import FILESYSTEM
from ..storage import FileStorage, checked_namespace, checked_store, storage_for

try:
    from deepagents.backends.protocol import (
        BackendProtocol,
        DeleteResult,
        EditResult,
        FileDownloadResponse,
        FileUploadResponse,
        GlobResult,
        GrepResult,
        LsResult,
        ReadResult,
        WriteResult,
    )

    from .operations import (
        delete_tree,
        edit_text,
        glob_files,
        grep_text,
        list_folder,
        read_window,
        write_over,
    )
except ImportError as error:
    raise missing("deepagents (0.7.32 or later, on Python 3.11)", "deepagents", error) from error

NamespaceOf: TypeAlias = Callable[[Any], Labels]
"""From the running graph's `Runtime`, None outside of one, to a namespace."""


class DeepAgentsBackend(Handle, BackendProtocol):
    """Files for `create_deep_agent`, which last from one thread to the next. `ax` awaits `x`.

    Args:
        store: any LangGraph store; left out, that of the running graph.
        namespace: where the files are, just there: labels, or what gives them for the graph's
            runtime. Left out, the files are those of the user for whom the graph runs, in that
            user's `("filesystem",)`; in a view of one user they are that user's anyway.

    Raises:
        ConfigurationError: the store is none, or the namespace is no tuple of strings.
    """

    def __init__(
        self,
        store: BaseStore | None = None,
        *,
        namespace: Labels | NamespaceOf | None = None,
    ) -> None:
        self._store = None if store is None else checked_store(store)
        fixed = namespace is not None and not callable(namespace)
        self._namespace = checked_namespace(namespace) if fixed else namespace

    @override
    def ls(self, path: str) -> LsResult:
        """What is directly in a folder, by path; sizes in bytes."""
        return run(list_folder(self._storage(), path))

    @override
    async def als(self, path: str) -> LsResult:
        """As `ls`."""
        return await arun(list_folder(self._storage(), path))

    @override
    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """`limit` lines from `offset` on, as they are; a file that is no text, whole."""
        return run(read_window(self._storage(), file_path, offset, limit))

    @override
    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """As `read`."""
        return await arun(read_window(self._storage(), file_path, offset, limit))

    @override
    def write(self, file_path: str, content: str) -> WriteResult:
        """Makes a file or replaces one."""
        return run(write_over(self._storage(), file_path, content))

    @override
    async def awrite(self, file_path: str, content: str) -> WriteResult:
        """As `write`."""
        return await arun(write_over(self._storage(), file_path, content))

    @override
    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Replaces a text that is there once, or wherever it is. No concurrent edit is lost."""
        return run(edit_text(self._storage(), file_path, old_string, new_string, replace_all))

    @override
    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """As `edit`."""
        return await arun(
            edit_text(self._storage(), file_path, old_string, new_string, replace_all)
        )

    @override
    def delete(self, file_path: str) -> DeleteResult:
        """Removes a file, or a folder with all that is in it, by one statement."""
        return run(delete_tree(self._storage(), file_path))

    @override
    async def adelete(self, file_path: str) -> DeleteResult:
        """As `delete`."""
        return await arun(delete_tree(self._storage(), file_path))

    @override
    def grep(
        self,
        pattern: str,
        path: str | None = None,
        glob: str | None = None,
        *,
        max_count: int | None = None,
    ) -> GrepResult:
        """The lines that hold a text, by path and line, of files that match a glob."""
        return run(grep_text(self._storage(), pattern, path, glob, max_count))

    @override
    async def agrep(
        self,
        pattern: str,
        path: str | None = None,
        glob: str | None = None,
        *,
        max_count: int | None = None,
    ) -> GrepResult:
        """As `grep`."""
        return await arun(grep_text(self._storage(), pattern, path, glob, max_count))

    @override
    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        """The files that match, the newest first, then by path."""
        return run(glob_files(self._storage(), pattern, path))

    @override
    async def aglob(self, pattern: str, path: str | None = None) -> GlobResult:
        """As `glob`."""
        return await arun(glob_files(self._storage(), pattern, path))

    @override
    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Writes bytes to paths, whatever is there; what is no text is kept as base64."""
        return run(upload(self._storage(), files, text_form, True, FileUploadResponse))

    @override
    async def aupload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """As `upload_files`."""
        return await arun(upload(self._storage(), files, text_form, True, FileUploadResponse))

    @override
    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """The bytes of files, in the order of `paths`."""
        return run(download(self._storage(), paths, FileDownloadResponse))

    @override
    async def adownload_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """As `download_files`."""
        return await arun(download(self._storage(), paths, FileDownloadResponse))

    def _storage(self) -> FileStorage:
        """Where the files are, for the graph that runs in the caller's context."""
        store = _store_of_the_graph() if self._store is None else self._store
        if self._namespace is None:
            return _storage_of_the_user(store)
        if callable(self._namespace):
            return storage_for(store, checked_namespace(_asked(self._namespace, _runtime())))
        return storage_for(store, self._namespace)


def _store_of_the_graph() -> BaseStore:
    try:
        return get_store()
    except (RuntimeError, KeyError):
        raise ConfigurationError(
            "DeepAgentsBackend() takes the running graph's store, and no graph runs here; give "
            "it one: DeepAgentsBackend(store)"
        ) from None


def _runtime() -> Any:
    try:
        return get_runtime()
    except (RuntimeError, KeyError):
        return None


def _asked(namespace_of: NamespaceOf, runtime: Any) -> Any:
    try:
        return namespace_of(runtime)
    except (AttributeError, TypeError) as error:
        if runtime is not None:
            raise
        raise ConfigurationError(
            "DeepAgentsBackend(namespace=…) asks the running graph for the namespace, and "
            f"no graph runs here, so it is None ({error}); use the backend in a node or a tool, or "
            "give it the labels: namespace=('filesystem',)"
        ) from error


def _storage_of_the_user(store: BaseStore) -> FileStorage:
    if isinstance(store, UserStore):
        return storage_for(store, FILESYSTEM)
    try:
        user_id = running_user()
    except MissingUserError as error:
        raise MissingUserError(
            f"DeepAgentsBackend without namespace= keeps each user's files apart: {error}; or say "
            "where files are that all users share: namespace=('filesystem',)"
        ) from None
    if isinstance(store, AgentStore):
        return storage_for(store.per_user(), FILESYSTEM)
    if isinstance(store, PerUserStore):
        return storage_for(store, FILESYSTEM)
    return storage_for(store, (*labels_of_user(user_id), *FILESYSTEM))
