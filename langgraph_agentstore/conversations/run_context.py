"""The user, the thread and the messages of a running graph, for both nodes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import new_class
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

from .._support.lru import Lru
from ..errors import ConfigurationError, InvalidOperationError, ValueTypeError
from ..model.json_values import shown
from ..model.running_user import user_of
from ..model.users import check_user_id
from ..store.user_views import UserStore
from .keys import check_thread_id
from .memory import ConversationMemory
from .repository import BaseStoreRepository
from .stored_messages import as_messages, is_one_message, logger

NodeT = TypeVar("NodeT")

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware

    # The nodes' classes become such middleware in `as_middleware`.
    Middleware = AgentMiddleware[Any, Any, Any]
else:
    Middleware = object

MemorySource = ConversationMemory | BaseStoreRepository | BaseStore | None
"""A memory, or where a node finds one; None for the store of the graph."""

_MEMORIES = 1_024


class UserMemories:
    """The memories of the users for whom a graph runs.

    Args:
        store: a memory, a repository or a store; None for the store of the graph.
        user_id: None for the user of the run: see `PerUserStore`.
    """

    def __init__(self, store: MemorySource, user_id: str | None) -> None:
        if isinstance(store, ConversationMemory) and user_id not in (None, store.user_id):
            raise ConfigurationError(
                f"user_id={shown(user_id)} is not the user of the memory given, "
                f"{shown(store.user_id)}; leave it out"
            )
        self._source = store
        self._user_id = None if user_id is None else check_user_id(user_id)
        self._known: Lru[tuple[int, str], ConversationMemory] = Lru(_MEMORIES)

    def of(self, config: RunnableConfig, runtime: Any) -> ConversationMemory:
        """Return the memory of the user of the run.

        Raises:
            ConfigurationError: no store was given, and the graph was compiled without one.
            MissingUserError: the run has no user.
        """
        if isinstance(self._source, ConversationMemory):
            return self._source
        source = self._source or getattr(runtime, "store", None)
        store = source.store if isinstance(source, BaseStoreRepository) else source
        if store is None:
            raise ConfigurationError(
                "no store: compile the graph with store=…, or give the node one"
            )
        return self._memory(store, self._user(store, config, runtime))

    def _user(self, store: BaseStore, config: RunnableConfig, runtime: Any) -> str:
        if self._user_id is not None:
            return self._user_id
        if isinstance(store, UserStore):
            return store.user_id
        return user_of(cast("Mapping[str, Any]", config), getattr(runtime, "context", None))

    def _memory(self, store: BaseStore, user_id: str) -> ConversationMemory:
        known = id(store), user_id
        memory = self._known.get(known) or ConversationMemory(store, user_id)
        self._known[known] = memory
        return memory


def thread_of(config: RunnableConfig) -> str:
    """Return the id of the running thread.

    Raises:
        InvalidOperationError: the run has no thread id.
    """
    thread_id = (config.get("configurable") or {}).get("thread_id")
    if thread_id is None:
        raise InvalidOperationError(
            "the running graph has no thread: pass config={'configurable': {'thread_id': …}} "
            "when it is invoked"
        )
    return check_thread_id(str(thread_id))


def messages_of(state: Any, key: str) -> list[BaseMessage]:
    """Return the messages of a state of any kind, whatever form they have in it.

    Raises:
        InvalidOperationError: the state has no such field.
    """
    return as_messages(given_messages(state, key))


def given_messages(state: Any, key: str) -> list[Any]:
    """Return what `messages_of` does, in the state's own form; a text becomes a person's message.

    Raises:
        InvalidOperationError: the state has no such field.
    """
    messages = state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
    if messages is None:
        raise InvalidOperationError(
            f"the state has no {key!r}; name the field that holds the messages: messages_key=…"
        )
    given = [messages] if is_one_message(messages) else list(messages)
    said = [("user", each) if isinstance(each, str) else each for each in given]
    return [each for each in said if _is_message(each)]


def _is_message(given: object) -> bool:
    try:
        as_messages([given])
    except ValueTypeError:
        logger.warning("%s is no message and is left out", type(given).__name__)
        return False
    return True


def as_middleware(cls: type[NodeT]) -> type[NodeT]:
    """Return the class, as middleware of LangChain's agents if LangChain is installed."""
    if find_spec("langchain") is None:
        return cls
    from langchain.agents.middleware import AgentMiddleware

    def body(namespace: dict[str, Any]) -> None:
        namespace.update(__module__=cls.__module__, __doc__=cls.__doc__)

    return cast("type[NodeT]", new_class(cls.__name__, (cls, AgentMiddleware), exec_body=body))
