"""`memory_tools`: LangChain tools by which a model keeps facts about the running graph's user."""

# No `from __future__ import annotations`: tools read their annotations.
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeAlias, cast

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.config import get_config, get_store
from langgraph.prebuilt import ToolRuntime
from langgraph.store.base import BaseStore
from pydantic import BaseModel, Field

from ..errors import ConfigurationError, InvalidOperationError
from ..model.checks import check_whole, is_number
from ..model.json_values import shown
from ..model.namespaces import Labels
from ..model.running_user import running_user, user_of
from ..model.users import check_user_id
from ..store.step_driver import Steps, arun, run
from ..store.user_views import UserStore, check_view
from .answers import (
    FACT_CHARACTERS,
    NOT_INSTRUCTIONS,
    checked_content,
    checked_fact_key,
    listing,
    no_such_memory,
    quoted,
    told_of_saving,
    told_of_updating,
)
from .fact import Origin
from .fact_store import FactStore, checked_fact_namespace

MOST_SHOWN = 50


def memory_tools(
    store: BaseStore | None = None,
    *,
    namespace: Labels = ("facts",),
    user_id: str | None = None,
    limit: int = 10,
    similar: float | None = None,
) -> list[BaseTool]:
    """Return tools that keep facts about the running graph's user, for any agent or `ToolNode`.

    The user is found as in `PerUserStore`. The model cannot choose user or namespace.

    Args:
        store: by default, the store that the graph was compiled with.
        namespace: the namespace of the facts within the user's part of the store.
        user_id: the owner of the facts; None for the user of the run.
        limit: the maximum number of memories in an answer, 1 to 50.
        similar: how similar a fact must be to a new one to be shown to the model before the new
            one is written, above 0 and up to 1: the cosine of an index with an embedder, else the
            share of common letter groups. None: 0.7 for the cosine, 0.45 for letters. 1 shows
            none; facts of equal text are never written twice anyway.

    Returns:
        `save_memory`, `search_memories`, `update_memory`, `forget_memory`. Each answers with a
        text of at most about 8,000 characters.

    Raises:
        InvalidNamespaceError: the namespace is empty or not valid.
        InvalidOperationError: `limit` or `similar` is out of range.
        ConfigurationError: the store is the view of another user than `user_id`.
    """
    place = _Place(store, checked_fact_namespace(namespace), user_id)
    most = check_whole("limit", limit, 1, MOST_SHOWN)
    _check_similar(similar)

    def save(facts: FactStore, origin: Origin, content: str, although_similar: bool) -> Steps[str]:
        text = checked_content(content)
        done = yield from facts.save(text, origin, similar, although_similar)
        return told_of_saving(done, most)

    def search(facts: FactStore, _origin: Origin, query: str) -> Steps[str]:
        found = yield from facts.search(query, most)
        if not found:
            return "No memory fits."
        return f"{NOT_INSTRUCTIONS}\n{listing(found, most)}"

    def update(facts: FactStore, origin: Origin, key: str, content: str) -> Steps[str]:
        text = checked_content(content)
        done = yield from facts.replace(checked_fact_key(key), text, origin)
        return told_of_updating(key, done)

    def forget(facts: FactStore, _origin: Origin, key: str) -> Steps[str]:
        if not (yield from facts.remove(checked_fact_key(key))):
            raise no_such_memory(key)
        return f"Forgotten: {quoted(key)}."

    return [
        place.tool("save_memory", SAVE, SaveMemory, save),
        place.tool("search_memories", SEARCH, SearchMemories, search),
        place.tool("update_memory", UPDATE, UpdateMemory, update),
        place.tool("forget_memory", FORGET, ForgetMemory, forget),
    ]


SAVE = (
    "Remember one fact about the user for later conversations: a preference, a person, a plan, a "
    "decision. Write a full sentence that is understood without this conversation, with dates "
    "instead of 'tomorrow'. Similar memories are shown first; then nothing was saved yet."
)
SEARCH = (
    "Find what was remembered about the user in this and earlier conversations, best first. "
    "Each memory has a key."
)
UPDATE = (
    "Replace the text of a memory that is outdated or incomplete. Earlier texts are kept with it."
)
FORGET = "Delete a memory that is wrong, or that the user does not want to be kept."


class SaveMemory(BaseModel):
    """Arguments of `save_memory`."""

    content: str = Field(description=f"The fact, at most {FACT_CHARACTERS:,} characters.")
    although_similar: bool = Field(
        False, description="True only after similar memories were shown, to save this one as well."
    )


class SearchMemories(BaseModel):
    """Arguments of `search_memories`."""

    query: str = Field(description="Words or a question; empty for the newest memories.")


class UpdateMemory(BaseModel):
    """Arguments of `update_memory`."""

    key: str = Field(description="The key of the memory, as shown by the other tools.")
    content: str = Field(description="The whole new text.")


class ForgetMemory(BaseModel):
    """Arguments of `forget_memory`."""

    key: str = Field(description="The key of the memory, as shown by the other tools.")


Program: TypeAlias = Callable[..., Steps[str]]
"""From the facts, the origin of what is said now, and the arguments of the model: the answer."""


class _Place:
    """Where the facts of a run are: the store, the user and the namespace."""

    def __init__(self, store: BaseStore | None, namespace: Labels, user_id: str | None) -> None:
        self._store = store
        self._namespace = namespace
        self._user_id = None if user_id is None else check_user_id(user_id)
        if self._user_id is not None:
            check_view(store, self._user_id)

    def tool(
        self, name: str, description: str, args: type[BaseModel], program: Program
    ) -> BaseTool:
        # LangGraph injects the runtime by this annotation, into tools called by a `ToolNode`.
        # `Optional` would make it an argument of the model.
        def call(runtime: ToolRuntime = None, **given: Any) -> str:  # type: ignore[assignment]
            facts, origin = self._of(runtime)
            return run(program(facts, origin, **given), facts.executor)

        async def acall(runtime: ToolRuntime = None, **given: Any) -> str:  # type: ignore[assignment]
            facts, origin = self._of(runtime)
            return await arun(program(facts, origin, **given), facts.executor)

        return StructuredTool.from_function(
            call,
            acall,
            name=name,
            description=description,
            args_schema=args,
            handle_tool_error=True,
        )

    def _of(self, given: object) -> tuple[FactStore, Origin]:
        """Return the facts of the run's user, and the origin of what is said in the run."""
        # Whoever calls a tool without a `ToolNode` may pass on what a model wrote.
        runtime = given if isinstance(given, ToolRuntime) else None
        config = _config_of_run() if runtime is None else cast("Mapping[str, Any]", runtime.config)
        store = self._store or (_store_of_run() if runtime is None else runtime.store)
        if store is None:
            raise ConfigurationError(
                "memory_tools() finds no store: compile the graph with store=…, or pass a store"
            )
        facts = FactStore(store, self._user(store, config, runtime), self._namespace)
        return facts, _origin(config, runtime)

    def _user(
        self, store: BaseStore, config: Mapping[str, Any], runtime: ToolRuntime | None
    ) -> str:
        if self._user_id is not None:
            return self._user_id
        if isinstance(store, UserStore):
            return store.user_id
        return running_user() if runtime is None else user_of(config, runtime.context)


def _config_of_run() -> Mapping[str, Any]:
    try:
        return cast("Mapping[str, Any]", get_config())
    except RuntimeError:
        return {}


def _store_of_run() -> BaseStore | None:
    try:
        return get_store()
    except (RuntimeError, KeyError):
        return None


def _origin(config: Mapping[str, Any], runtime: ToolRuntime | None) -> Origin:
    thread_id = (config.get("configurable") or {}).get("thread_id")
    return Origin(
        datetime.now(timezone.utc),
        None if thread_id is None else str(thread_id),
        None if runtime is None else _asking_message(runtime.state),
    )


def _asking_message(state: Any) -> str | None:
    """Return the id of the user's latest message in the state of an agent, if it has one."""
    if isinstance(state, Mapping):
        state = state.get("messages")
    elif not isinstance(state, Sequence):
        state = getattr(state, "messages", None)
    messages = state if isinstance(state, Sequence) else ()
    said = [each for each in messages if isinstance(each, BaseMessage) and _is_of_user(each)]
    return said[-1].id if said else None


def _is_of_user(message: BaseMessage) -> bool:
    # LangChain's summaries of a conversation have the type of a person's message.
    is_summary = message.additional_kwargs.get("lc_source") == "summarization"
    return message.type == "human" and not is_summary


def _check_similar(similar: object) -> None:
    if similar is not None and not (is_number(similar) and 0 < similar <= 1):
        raise InvalidOperationError(
            f"similar is above 0 and at most 1, or None for the default; got {shown(similar)}"
        )
