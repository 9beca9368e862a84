"""Who writes, and why: found in the running graph, or given by a context manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from typing import Any

from ..errors import AgentStoreError, ValueTypeError
from .json_values import check_text, encode_value
from .running_user import user_of


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who makes a write, and why; None for what is not known.

    `agent`: the agent. `tool`: the tool that it called. `node`: the node of the graph. `run_id`,
    `thread_id`: of the graph's run. `on_behalf_of`: the user for whom it acts. `reason`: why.
    """

    agent: str | None = None
    tool: str | None = None
    node: str | None = None
    run_id: str | None = None
    thread_id: str | None = None
    on_behalf_of: str | None = None
    reason: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """The fields that are known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def text(self) -> str:
        """The fields that are known, as JSON text."""
        return encode_value(self.said).decode()


FIELDS = tuple(field.name for field in fields(Provenance))
NOTHING_SAID = Provenance()

_explicit: ContextVar[Provenance] = ContextVar("agentstore_provenance", default=NOTHING_SAID)
_acting: ContextVar[str | None] = ContextVar("agentstore_acting", default=None)


@contextmanager
def provenance(
    *,
    agent: str | None = None,
    tool: str | None = None,
    node: str | None = None,
    run_id: str | None = None,
    thread_id: str | None = None,
    on_behalf_of: str | None = None,
    reason: str | None = None,
) -> Iterator[Provenance]:
    """Say who makes the writes within the block, and why.

    A field that is left out keeps what an outer block said, or what the running graph tells. Each
    store with `history=…` records it with every write; other stores ignore it.

    Raises:
        ValueTypeError: a field is no string.
        InvalidValueError: a string contains NUL or a lone surrogate.
    """
    said = Provenance(agent, tool, node, run_id, thread_id, on_behalf_of, reason).said
    for name, value in said.items():
        _check_said(name, value)
    token = _explicit.set(replace(_explicit.get(), **said))
    try:
        yield _explicit.get()
    finally:
        _explicit.reset(token)


@contextmanager
def acting_as(agent: str | None) -> Iterator[None]:
    """Name the agent that writes within the block, if neither `provenance` nor the graph does."""
    token = _acting.set(agent)
    try:
        yield
    finally:
        _acting.reset(token)


def watch_runs() -> None:
    """Remember from now on which tool and which graph each run belongs to."""
    # Imported late, for its callback handlers: only stores that ask who writes need them.
    import_module(".running_tool", __package__)


def current_provenance() -> Provenance:
    """Return what the caller's context tells: given fields over those of the running graph."""
    given = _explicit.get()
    found = _of_running_graph()
    told = replace(found, **given.said) if found else given
    return told if told.agent is not None else replace(told, agent=_acting.get())


def _of_running_graph() -> Provenance | None:
    # Imported late: not every use of the package runs a graph.
    from langchain_core.runnables.config import var_child_runnable_config

    config = var_child_runnable_config.get()
    return None if config is None else provenance_of(config)


def provenance_of(config: Mapping[str, Any]) -> Provenance:
    """Return what the configuration of a run tells."""
    from .running_tool import root_of_run, tool_of_run

    configurable, metadata = config.get("configurable") or {}, config.get("metadata") or {}
    runtime = configurable.get("__pregel_runtime")
    parent = getattr(config.get("callbacks"), "parent_run_id", None)
    execution = getattr(runtime, "execution_info", None)
    run_id = getattr(execution, "run_id", None) or metadata.get("run_id") or root_of_run(parent)
    return Provenance(
        agent=_text(metadata.get("lc_agent_name") or configurable.get("assistant_id")),
        tool=_text(tool_of_run(parent)),
        node=_text(metadata.get("langgraph_node")),
        run_id=_text(run_id),
        thread_id=_text(configurable.get("thread_id")),
        on_behalf_of=_user_found(config, getattr(runtime, "context", None)),
    )


def _user_found(config: Mapping[str, Any], context: object) -> str | None:
    try:
        return user_of(config, context)
    except AgentStoreError:  # none, or two of which none is proven: a record of it names nobody
        return None


def _text(found: object) -> str | None:
    """Return an id as text that JSON in Postgres holds."""
    if found is None:
        return None
    return str(found).replace("\x00", "").encode("utf-8", "replace").decode()


def _check_said(name: str, given: object) -> None:
    if not isinstance(given, str):
        raise ValueTypeError(f"provenance: {name} is a string, got {type(given).__name__}")
    check_text(given, f"provenance: {name}")
