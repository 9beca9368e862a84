"""The tool and the graph's run to which a run belongs, by the run that its context names."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override


def tool_of_run(run_id: UUID | None) -> str | None:
    """Return the name of the tool to which a run belongs, while it runs; None for no tool."""
    return _tools.name_of(run_id)


def root_of_run(run_id: UUID | None) -> UUID | None:
    """Return the outermost run of which a run is a part, while that one runs."""
    return None if run_id is None else _roots.of.get(run_id, run_id)


class _RunningTools(BaseCallbackHandler):
    """A callback handler that remembers which run belongs to which tool.

    A tool's own context names only the run. Runs that a tool starts within its node belong to the
    tool as well; the nodes of a graph do not.
    """

    run_inline = True
    ignore_llm = ignore_retriever = ignore_chat_model = True

    def __init__(self) -> None:
        self._running: dict[UUID, tuple[str, object]] = {}

    def name_of(self, run_id: UUID | None) -> str | None:
        """Return the name of the tool while it runs."""
        return None if run_id is None else self._running.get(run_id, (None,))[0]

    @override
    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._running[run_id] = (serialized["name"], _node_of(metadata))

    @override
    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        within = None if parent_run_id is None else self._running.get(parent_run_id)
        if within is not None and within[1] == _node_of(metadata):
            self._running[run_id] = within

    @override
    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._running.pop(run_id, None)

    @override
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._running.pop(run_id, None)

    @override
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._running.pop(run_id, None)

    @override
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._running.pop(run_id, None)


def _node_of(metadata: dict[str, Any] | None) -> object:
    """Return an id that differs for each run of a node."""
    return (metadata or {}).get("langgraph_checkpoint_ns")


_tools = _RunningTools()
_hook: ContextVar[_RunningTools | None] = ContextVar("agentstore_running_tools", default=_tools)
register_configure_hook(_hook, inheritable=True)


class _RootRuns(BaseCallbackHandler):
    """A callback handler that remembers the outermost run of each run."""

    run_inline = True
    ignore_llm = ignore_retriever = ignore_chat_model = True

    def __init__(self) -> None:
        self.of: dict[UUID, UUID] = {}

    @override
    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, parent_run_id)

    @override
    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, parent_run_id)

    @override
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.of.pop(run_id, None)

    @override
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.of.pop(run_id, None)

    @override
    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.of.pop(run_id, None)

    @override
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.of.pop(run_id, None)

    def _begin(self, run_id: UUID, parent_run_id: UUID | None) -> None:
        self.of[run_id] = run_id if parent_run_id is None else self.of.get(parent_run_id, run_id)


_roots = _RootRuns()
_roots_hook: ContextVar[_RootRuns | None] = ContextVar("agentstore_root_runs", default=_roots)
register_configure_hook(_roots_hook, inheritable=True)
