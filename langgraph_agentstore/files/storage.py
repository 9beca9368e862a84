"""`FileStorage`: how files are read and written in one namespace of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from langgraph.store.base import BaseStore as LangGraphStore

from ..errors import ConfigurationError
from ..model.json_values import shown
from ..model.namespaces import Labels
from ..store.items import Items
from ..store.step_driver import Steps
from ..store.user_scope import USERS, part_of
from ..store.user_views import PerUserStore, UserStore
from .any_store_storage import AnyStoreStorage
from .file_value import FileValue, Seen
from .postgres_storage import PostgresStorage
from .spoon_ai.stores import ToLangGraph
from .sql import FileEntry, Reach, SizeUnit

FILESYSTEM: Labels = ("filesystem",)
"""The namespace of files by default."""


class FileStorage(Protocol):
    """The files in one namespace of a store.

    Each method is a generator of steps. A path that no file can have is read as a missing file.
    """

    def read(self, paths: Sequence[str]) -> Steps[list[FileValue | None]]:
        """Return the values at the paths, in their order; None where there is none."""

    def look(self, path: str) -> Steps[Seen | None]:
        """Return the value at a path that is to be replaced, or None."""

    def create(self, path: str, value: FileValue) -> Steps[None]:
        """Write a value to a free path; raise VersionConflictError if there is an item."""

    def replace(self, path: str, value: FileValue, seen: Seen) -> Steps[None]:
        """Write over the value seen; raise VersionConflictError if it is no longer there."""

    def overwrite(self, path: str, value: FileValue) -> Steps[None]:
        """Write a value, which takes over the `created_at` of the file that it replaces."""

    def write(self, files: Sequence[tuple[str, FileValue]]) -> Steps[list[Exception | None]]:
        """Write values to paths; return for each the error of a refused one, or None."""

    def children(self, folder: str, unit: SizeUnit) -> Steps[list[FileEntry]]:
        """Return the files and folders directly in a folder, whose path ends with `/`; by path."""

    def entries(self, reach: Reach, unit: SizeUnit) -> Steps[list[FileEntry]]:
        """Return the files within reach by path, and maybe some that `reach.like` leaves out."""

    def contents(self, reach: Reach, literal: str) -> Steps[list[tuple[str, Any]]]:
        """Return path and value of the files within reach that may hold a literal, by path."""

    def remove(self, path: str) -> Steps[int]:
        """Remove a path and everything below it; return the number of files removed."""


def storage_for(store: LangGraphStore, namespace: Labels) -> FileStorage:
    """Return the storage of files in a namespace: that of `AgentStore` and its views, or of others.

    A namespace below `USERS` is that user's part of the store, also if the id has a period. In a
    view, the namespace is relative to the user.
    """
    depth = len(USERS)
    is_view = isinstance(store, (UserStore, PerUserStore))
    if not is_view and namespace[:depth] == USERS and "." in "".join(namespace[depth : depth + 1]):
        part = part_of(store, namespace[depth], namespace[depth + 1 :])
        store, namespace = part.store, part.labels
    if isinstance(store, Items):
        return PostgresStorage(store, namespace)
    # Each backend has its own adapter; the adapted store is shared.
    owner = store.store if isinstance(store, ToLangGraph) else store
    return AnyStoreStorage(store, namespace, owner)


def checked_store(store: object) -> LangGraphStore:
    """Return the store, if it is a LangGraph store.

    Raises:
        ConfigurationError: it is not.
    """
    if isinstance(store, LangGraphStore):
        return store
    raise ConfigurationError(
        f"store is a LangGraph store, such as AgentStore(…), got {type(store).__name__}"
    )


def checked_namespace(namespace: object) -> Labels:
    """Return the namespace as a tuple, if it can hold files.

    Raises:
        ConfigurationError: it is not a tuple of labels, or is empty.
    """
    if isinstance(namespace, (tuple, list)) and namespace:
        labels = tuple(namespace)
        if all(isinstance(label, str) and label for label in labels):
            return labels
    raise ConfigurationError(
        f"namespace is a tuple of one or more non-empty strings, got {shown(namespace)}"
    )
