"""Views of a store: one user's, and the running graph's user's."""

from __future__ import annotations

from functools import lru_cache

from ..errors import ConfigurationError, MissingUserError
from ..model.running_user import running_user
from ..model.users import UserScope, check_user_id
from ..sql.planner import Planner
from ..sql.statement import Users
from ..sql.view_planner import ViewPlanner
from .base import StoreBase
from .bulk_load import BulkLoad
from .executor import READY, Executor
from .frames import Frames
from .history import HistoryReads
from .items import Items
from .namespace_tree import NamespaceTree, tree_of
from .notebook import view_html
from .notebook_sql import MOST_NAMESPACES, Glimpse, plan_overview
from .search import Search
from .sharing import Sharing


class ItemStore(Items, Search, BulkLoad, HistoryReads, Frames, Sharing):
    """A store or a view of one, with all methods that concern items."""


class UserStore(ItemStore):
    """A view of one user's items.

    `("files",)` here is `("users", "alice", "files")` in the plain store.
    """

    def __init__(self, store: StoreBase, user_id: str) -> None:
        planner = ViewPlanner(UserScope(user_id), store.executor.current_rules)
        super().__init__(executor_of(store, user_id), store.ttl_config, planner)
        self._store = store
        self.user_id = user_id

    def __repr__(self) -> str:
        return f"{self._store!r}.for_user({self.user_id!r})"

    def _repr_html_(self) -> str:
        return view_html(repr(self), self.user_id, self._tree)

    def _tree(self) -> NamespaceTree | None:
        """Return the first namespaces; None before the store opens: a display opens nothing."""
        if not self.executor.is_open:
            return None
        self.executor.run(READY)  # a display waits for no failover
        plan = plan_overview(self.planner.context, MOST_NAMESPACES, self.user_id)
        found: list[Glimpse] = self.executor.run(plan)
        return tree_of(self.user_id, found, MOST_NAMESPACES)


class PerUserStore(ItemStore):
    """A view of the items of the running graph's user, who is looked up at each call.

    The user is the Agent Server's authenticated user, else `config["configurable"]["user_id"]`,
    else `user_id` of the runtime context. Without a user, a call raises `MissingUserError`; it
    never falls back to shared items. A `langgraph_auth_user_id` that no Agent Server confirms, and
    that contradicts the others, raises `UserConflictError`.
    """

    def __init__(self, store: StoreBase) -> None:
        executor = store.executor.for_view(_running_users)
        super().__init__(executor, store.ttl_config)
        self._store = store
        current_rules = store.executor.current_rules
        self._planner_of = lru_cache(maxsize=1024)(
            lambda user_id: ViewPlanner(UserScope(user_id), current_rules)
        )

    @property
    def planner(self) -> Planner:  # type: ignore[override] # found at each call
        """The planner of the running graph's user."""
        return self._planner_of(running_user())

    def __repr__(self) -> str:
        return f"{self._store!r}.per_user()"


def _running_users() -> Users | None:
    """Return the running graph's user; None outside of graphs, where later pages may be read.

    What is read there was planned within the graph, and names its user.
    """
    try:
        return (running_user(),)
    except MissingUserError:
        return None


def executor_of(store: StoreBase, user_id: str) -> Executor:
    """Return the executor of one user's view of a store or of a view."""
    users = (user_id,)
    return store.executor.for_view(lambda: users)


def view_of(store: StoreBase, user_id: str) -> UserStore:
    """Return one user's view of a store or of a view.

    Raises:
        MissingUserError: the user id is None or empty.
        ConfigurationError: the store is another user's view.
    """
    user_id = check_user_id(user_id)
    check_view(store, user_id)
    if isinstance(store, UserStore):
        return store
    return UserStore(store._store if isinstance(store, PerUserStore) else store, user_id)


def check_view(store: object, user_id: str) -> None:
    """Raise ConfigurationError if the store is another user's view."""
    if isinstance(store, UserStore) and store.user_id != user_id:
        raise ConfigurationError(
            f"the store is the view of {store.user_id!r}, which reaches nobody else; user_id is "
            f"{user_id!r}: pass the store that the view is of, or that user"
        )
