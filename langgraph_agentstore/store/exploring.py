"""A store in a notebook: its tree, a sample, SQL, a map, and a widget."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import Item

from .._support.optional import imported
from ..errors import InvalidOperationError
from ..model.checks import check_whole
from ..model.json_values import check_text
from ..model.users import check_user_id
from ..results import SearchResults
from ..runtime.jobs.read_only_query import read_only_query
from ..sql.items.user_counts import UserCount, plan_user_counts
from ..sql.statement import Statement
from .base import StoreBase
from .executor import Query
from .memory_map import drawn_map
from .namespace_tree import NamespaceTree, tree_of
from .notebook_sql import MappedItem, plan_mapped_items, plan_overview, plan_sample
from .step_driver import Steps, arun, run


class Exploring(StoreBase):
    """Methods that show what a store holds; none of them changes it."""

    def users(self, *, after: str | None = None, limit: int | None = None) -> list[UserCount]:
        """Return each user with the numbers of their items and namespaces, by code point.

        The user "" is the shared space, which belongs to nobody. Reads every item of the listed
        users.

        Args:
            after: continue after this user.
            limit: the maximum number of users; None for all.
        """
        return self.executor.run(self._plan_users(after, limit))

    async def ausers(
        self, *, after: str | None = None, limit: int | None = None
    ) -> list[UserCount]:
        """Async form of `users`."""
        return await self.executor.arun(self._plan_users(after, limit))

    def _plan_users(self, after: str | None, limit: int | None) -> Statement[list[UserCount]]:
        if after is not None:
            check_text(after, "after")
        if limit is not None:
            check_whole("limit", limit, 0)
        return plan_user_counts(after, limit, self.planner.context)

    def tree(self, user_id: str, *, limit: int = 200) -> NamespaceTree:
        """Return the namespaces of a user with their numbers of items; `print` draws them.

        A namespace of more than a thousand items is not counted further.

        Args:
            user_id: the user; "" is the shared space.
            limit: the maximum number of namespaces. `is_cut` of the result tells if there are more.
        """
        return run(self._growing(user_id, limit), self.executor)

    async def atree(self, user_id: str, *, limit: int = 200) -> NamespaceTree:
        """Async form of `tree`."""
        return await arun(self._growing(user_id, limit), self.executor)

    def _growing(self, user_id: str, limit: int) -> Steps[NamespaceTree]:
        most = check_whole("limit", limit, 1)
        user = check_user_id(user_id) if user_id else user_id
        found = yield plan_overview(self.planner.context, most, user)
        return tree_of(user, found, most)

    def sample(self, size: int = 10) -> list[Item]:
        """Return items that are picked by chance, all if there are no more than `size`.

        Of a store of millions, only some pages are read: items that were written together are then
        likely to come together.
        """
        return run(self._sampling(size), self.executor)

    async def asample(self, size: int = 10) -> list[Item]:
        """Async form of `sample`."""
        return await arun(self._sampling(size), self.executor)

    def _sampling(self, size: int) -> Steps[list[Item]]:
        planner = self.planner
        most = check_whole("size", size, 0, 100_000)
        found = yield plan_sample(most, planner.scope, planner.context)
        return SearchResults(found)

    def sql(self, query: str, *arguments: Any, limit: int = 10_000) -> Any:
        """Return the rows of a query of your own as a `pandas.DataFrame`.

        The query is one statement, and runs in a read-only transaction in which the tables of the
        store come first: `store.sql("SELECT count(*) FROM item WHERE user_id = $1", "ada")`.
        Encrypted values come as they are stored. The rights are those of the store's role: this
        is for a person who may see all users, never for an agent.

        Args:
            query: the SQL, with `$1` for the first of `arguments`.
            arguments: values for the query.
            limit: the maximum number of rows. If there are more, `attrs["is_cut"]` of the
                DataFrame is True.

        Raises:
            MissingExtraError: pandas is not installed.
            AgentStoreError: the server refuses the query.
        """
        return run(self._querying(query, arguments, limit), self.executor)

    async def asql(self, query: str, *arguments: Any, limit: int = 10_000) -> Any:
        """Async form of `sql`."""
        return await arun(self._querying(query, arguments, limit), self.executor)

    def _querying(self, query: str, arguments: tuple[Any, ...], limit: int) -> Steps[Any]:
        pandas = imported("pandas", "notebook")
        check_text(query, "query")
        found = yield read_only_query(query, arguments, check_whole("limit", limit, 1))
        frame = pandas.DataFrame(found.rows, columns=[*found.columns])
        frame.attrs["is_cut"] = found.is_cut
        return frame

    def plot_map(self, user_id: str, *, limit: int = 2000) -> Any:
        """Draw the items of a user that have vectors; return matplotlib's `Axes`.

        Each point is an item, colored by namespace. Vectors that are near each other mostly lie
        near each other: the map is the plane of the two largest principal components.

        Args:
            user_id: the user; "" is the shared space.
            limit: the maximum number of items, the newest ones. The title tells if there are more.

        Raises:
            MissingExtraError: matplotlib is not installed.
            InvalidOperationError: the store's index has no vectors.
        """
        return run(self._mapping(user_id, limit), self.executor)

    async def aplot_map(self, user_id: str, *, limit: int = 2000) -> Any:
        """Async form of `plot_map`."""
        return await arun(self._mapping(user_id, limit), self.executor)

    def _mapping(self, user_id: str, limit: int) -> Steps[Any]:
        most = check_whole("limit", limit, 1)
        user = check_user_id(user_id) if user_id else user_id
        imported("matplotlib.pyplot", "notebook")
        index = self.executor.context.index
        if index is None or index.vectors is None:
            raise InvalidOperationError(
                "a map needs vectors, and this store has none: pass index= with an embedder"
            )
        # Only an open store knows its vectors, so the statement is planned there.
        planned: Query[list[MappedItem]] = Query(
            None,
            lambda context, _: plan_mapped_items(user, most + 1, context),
            users=(user,),
            kind="list_map",
        )
        items = yield planned
        return drawn_map(user, items[:most], len(items) > most)
