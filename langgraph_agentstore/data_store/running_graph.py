"""`data_store()`: the data store of the running graph's store, user and agent."""

from __future__ import annotations

from ..errors import ConfigurationError
from ..model.running_tool import tool_of_run
from ..model.running_user import running_user
from ..store.base import StoreBase
from ..store.user_views import UserStore
from .ops_log import OpsLog
from .options import DEFAULT_NAMESPACE, Access
from .sync_data_store import DataStore


def data_store(
    namespace: str = DEFAULT_NAMESPACE,
    *,
    store: StoreBase | None = None,
    user_id: str | None = None,
    agent_name: str | None = None,
    ops_log: OpsLog | None = None,
    access: Access = "both",
) -> DataStore:
    """Return the data store of the running graph's user. Call it within a node or a tool.

    Args:
        namespace: the namespace to start with.
        store: by default, the store that the graph was compiled with.
        user_id: by default, the running graph's user, as `per_user()` finds it.
        agent_name: by default, the name of the running tool, else of the node; within a nested
            graph, of its own node.
        ops_log: as for `DataStore`.
        access: as for `DataStore`.

    Raises:
        MissingUserError: no graph runs here, or it has no user.
        ConfigurationError: the graph was compiled without an `AgentStore`.
    """
    store = _running_store() if store is None else store
    if user_id is None:
        user_id = store.user_id if isinstance(store, UserStore) else running_user()
    agent_name = running_agent() if agent_name is None else agent_name
    return DataStore(store, user_id, agent_name, namespace, ops_log, access=access)


def running_agent() -> str:
    """Return the name of the running tool, else of the node, else "unknown"."""
    from langgraph.config import get_config

    try:
        config = get_config()
    except RuntimeError:
        return "unknown"
    tool = tool_of_run(getattr(config.get("callbacks"), "parent_run_id", None))
    return tool or (config.get("metadata") or {}).get("langgraph_node") or "unknown"


def _running_store() -> StoreBase:
    from langgraph.config import get_store

    try:
        store: object = get_store()
    except (RuntimeError, KeyError) as error:
        raise ConfigurationError(
            f"data_store() finds the store in a running graph, and none is seen here ({error}); "
            "pass store=, or make a DataStore"
        ) from None
    if not isinstance(store, StoreBase):
        raise ConfigurationError(
            f"data_store() needs a graph compiled with an AgentStore, this one has "
            f"{'no store' if store is None else type(store).__name__}; pass store="
        )
    return store
