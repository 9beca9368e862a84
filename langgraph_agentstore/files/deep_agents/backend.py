"""`DeepAgentsBackend`: the files of an agent, in the protocol of deepagents."""

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
from ...model.running_user import running_user
from ...store.agent_store import AgentStore
from ...store.step_driver import arun, run
from ...store.user_scope import labels_of_user
from ...store.user_views import PerUserStore, UserStore
from ..file_value import text_form
from ..shared_operations import download, upload
from ..storage import FILESYSTEM, FileStorage, checked_namespace, checked_store, storage_for

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
"""Returns the namespace for the running graph's `Runtime`, or for None outside of a graph."""


class DeepAgentsBackend(Handle, BackendProtocol):
    """Files for `create_deep_agent`, which all threads share. `ax` is the async form of `x`.

    Args:
        store: any LangGraph store. By default, the store of the running graph.
        namespace: the exact namespace of the files, or a function that returns it for the graph's
            `Runtime`. By default, the files belong to the running graph's user, in that user's
            `("filesystem",)`. In the view of one user, they always belong to that user.

    Raises:
        ConfigurationError: the store is not a LangGraph store, or the namespace is not a tuple of
            strings.
    """

    def __init__(
        self,
        store: BaseStore | None = None,
        *,
        namespace: Labels | NamespaceOf | None = None,
    ) -> None:
        self._store = None if store is None else checked_store(store)
        self._namespace = namespace
        self._fixed: FileStorage | None = None
        if namespace is not None and not callable(namespace):
            self._namespace = checked_namespace(namespace)
            self._fixed = None if store is None else storage_for(store, self._namespace)
        elif isinstance(store, AgentStore) and namespace is None:
            self._store = store.per_user()

    @override
    def ls(self, path: str) -> LsResult:
        """List the files and folders directly in a folder, by path; sizes are in bytes."""
        return run(list_folder(self._storage(), path))

    @override
    async def als(self, path: str) -> LsResult:
        """Async form of `ls`."""
        return await arun(list_folder(self._storage(), path))

    @override
    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """Read `limit` lines from `offset` on, unchanged; read a binary file as a whole."""
        return run(read_window(self._storage(), file_path, offset, limit))

    @override
    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        """Async form of `read`."""
        return await arun(read_window(self._storage(), file_path, offset, limit))

    @override
    def write(self, file_path: str, content: str) -> WriteResult:
        """Create a file or replace one."""
        return run(write_over(self._storage(), file_path, content))

    @override
    async def awrite(self, file_path: str, content: str) -> WriteResult:
        """Async form of `write`."""
        return await arun(write_over(self._storage(), file_path, content))

    @override
    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Replace a text that occurs once, or all occurrences. No concurrent edit is lost."""
        return run(edit_text(self._storage(), file_path, old_string, new_string, replace_all))

    @override
    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        """Async form of `edit`."""
        return await arun(
            edit_text(self._storage(), file_path, old_string, new_string, replace_all)
        )

    @override
    def delete(self, file_path: str) -> DeleteResult:
        """Delete a file, or a folder with everything in it, in one statement."""
        return run(delete_tree(self._storage(), file_path))

    @override
    async def adelete(self, file_path: str) -> DeleteResult:
        """Async form of `delete`."""
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
        """Find the lines that contain a text in files that match a glob, by path and line."""
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
        """Async form of `grep`."""
        return await arun(grep_text(self._storage(), pattern, path, glob, max_count))

    @override
    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        """Find the files whose path matches, the newest first, then by path."""
        return run(glob_files(self._storage(), pattern, path))

    @override
    async def aglob(self, pattern: str, path: str | None = None) -> GlobResult:
        """Async form of `glob`."""
        return await arun(glob_files(self._storage(), pattern, path))

    @override
    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Write bytes to paths, replacing files; bytes that are not text are stored as base64."""
        return run(upload(self._storage(), files, text_form, True, FileUploadResponse))

    @override
    async def aupload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Async form of `upload_files`."""
        return await arun(upload(self._storage(), files, text_form, True, FileUploadResponse))

    @override
    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """Return the bytes of files, in the order of `paths`."""
        return run(download(self._storage(), paths, FileDownloadResponse))

    @override
    async def adownload_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """Async form of `download_files`."""
        return await arun(download(self._storage(), paths, FileDownloadResponse))

    def _storage(self) -> FileStorage:
        """Return the storage of the files, for the graph that runs in the caller's context."""
        if self._fixed is not None:
            return self._fixed
        store = _store_of_the_graph() if self._store is None else self._store
        if self._namespace is None:
            return _storage_of_the_user(store)
        if callable(self._namespace):
            return storage_for(store, checked_namespace(_called(self._namespace, _runtime())))
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


def _called(namespace_of: NamespaceOf, runtime: Any) -> Any:
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
    user_id = store.user_id if isinstance(store, UserStore) else _user_of_the_graph()
    if isinstance(store, AgentStore):
        store = store.per_user()
    in_view = isinstance(store, (UserStore, PerUserStore))
    return storage_for(store, FILESYSTEM if in_view else (*labels_of_user(user_id), *FILESYSTEM))


def _user_of_the_graph() -> str:
    try:
        return running_user()
    except MissingUserError as error:
        raise MissingUserError(
            f"DeepAgentsBackend without namespace= keeps each user's files apart: {error}; or say "
            "where files are that all users share: namespace=('filesystem',)"
        ) from None
