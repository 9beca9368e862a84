"""The storage of files that a store gets, and checks of what users give."""

from __future__ import annotations

from langgraph.store.base import BaseStore as LangGraphStore

from ..errors import ConfigurationError
from ..model.json_values import shown
from ..model.namespaces import Labels
from ..store.items import Items
from ..store.user_scope import USERS, part_of
from ..store.views import PerUserStore, UserStore
from .any_store_storage import AnyStoreStorage
from .postgres_storage import PostgresStorage
from .requests import FileStorage
from .spoon_ai.stores import ToLangGraph


def storage_for(store: LangGraphStore, namespace: Labels) -> FileStorage:
    """By statements of its own to an `AgentStore` and its views, by their methods to others.

    A namespace of a user is where a store has that user's part, also if the id has a period; in a
    view it is relative, as all are.
    """
    depth = len(USERS)
    is_view = isinstance(store, (UserStore, PerUserStore))
    if not is_view and namespace[:depth] == USERS and "." in "".join(namespace[depth : depth + 1]):
        part = part_of(store, namespace[depth], namespace[depth + 1 :])
        store, namespace = part.store, part.labels
    if isinstance(store, Items):
        return PostgresStorage(store, namespace)
    # An adapter is made for each backend, what it leads to is shared.
    owner = store.store if isinstance(store, ToLangGraph) else store
    return AnyStoreStorage(store, namespace, owner)


def checked_store(store: object) -> LangGraphStore:
    """The store, if it is one of LangGraph's kind.

    Raises:
        ConfigurationError: it is not.
    """
    if isinstance(store, LangGraphStore):
        return store
    raise ConfigurationError(
        f"store is a LangGraph store, such as AgentStore(…), got {type(store).__name__}"
    )


def checked_namespace(namespace: object) -> Labels:
    """The namespace as a tuple, if files can be in it.

    Raises:
        ConfigurationError: it is no tuple of labels, or has none.
    """
    if isinstance(namespace, (tuple, list)) and namespace:
        labels = tuple(namespace)
        if all(isinstance(label, str) and label for label in labels):
            return labels
    raise ConfigurationError(
        f"namespace is a tuple of one or more non-empty strings, got {shown(namespace)}"
    )
