"""Search, with a query or without, as every store and view of this package has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.store.base import IndexConfig, Op, Result, SearchItem, SearchOp

from ..config.index import SearchMode
from ..errors import InvalidOperationError
from ..model.namespaces import Labels
from ..results import Explanation, Rerank
from ..sql.search.options import QueryOptions, default_options, query_options
from ..sql.search.text import is_blank
from .base import StoreBase
from .executor import Operation
from .reranking import Reranking


class Search(StoreBase):
    """Searches by filter and by query; runs batches, in which searches may be."""

    @property
    def index_config(self) -> IndexConfig | None:
        """The `index=` that the store was given, or that `reindex` put in its place."""
        return self.executor.index_config

    def search(
        self,
        namespace_prefix: Labels,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
        mode: SearchMode | None = None,
        min_score: float | None = None,
        min_similarity: float | None = None,
        rerank: Rerank | None = None,
        recency_half_life_days: float | None = None,
        include_unindexed: bool = False,
    ) -> list[SearchItem]:
        """The items at or below a namespace that pass the filter: best first, or newest first.

        Without a query the newest `updated_at` comes first, ties by user, namespace and key. With
        one, on a store with an index, the best match does; the items are `ScoredItem`. Always
        min(limit, matches) of them, and the pages of a search are disjoint and complete.

        Args:
            namespace_prefix: whole labels; `("a",)` covers `("a", "b")`, not `("ab",)`.
            query: what to look for; one without letter, digit or symbol is as none. Without
                effect on a store that was not given an index, which is logged once.
            filter: see the reference of filter operators.
            limit: how many at most; 0 gives none.
            offset: how many to leave out first.
            refresh_ttl: whether reading them moves their expiry on; None, the store's default.
            mode: "vector", "text" or "hybrid", if not the index's own.
            min_score: leaves out what scores less.
            min_similarity: leaves out whose `similarity` is less, and what has no vector. Of the
                modes "vector" and "hybrid".
            rerank: gets the query and the best `CANDIDATES` items, and returns a score for each,
                or the items in a new order. The index may have one for all searches.
            recency_half_life_days: halves the score of an item for each time that so many days
                have passed since it was written.
            include_unindexed: with a query, what has nothing to be found by comes at the end.

        Raises:
            InvalidFilterError: the filter has no meaning.
            InvalidOperationError: limit or offset is below 0, or the index has no such mode.
            EmbeddingError: the embedder failed.
        """
        op = SearchOp(namespace_prefix, filter, limit, offset, query, self._refresh(refresh_ttl))
        options = self._options(
            op,
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            recency_half_life_days=recency_half_life_days,
            include_unindexed=include_unindexed,
        )
        planned, reranking = self._prepared(op, options, rerank)
        found = self.executor.run(planned)
        return found if reranking is None else self._reranked(reranking, found)

    async def asearch(
        self,
        namespace_prefix: Labels,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
        mode: SearchMode | None = None,
        min_score: float | None = None,
        min_similarity: float | None = None,
        rerank: Rerank | None = None,
        recency_half_life_days: float | None = None,
        include_unindexed: bool = False,
    ) -> list[SearchItem]:
        """As `search`."""
        op = SearchOp(namespace_prefix, filter, limit, offset, query, self._refresh(refresh_ttl))
        options = self._options(
            op,
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            recency_half_life_days=recency_half_life_days,
            include_unindexed=include_unindexed,
        )
        planned, reranking = self._prepared(op, options, rerank)
        found = await self.executor.arun(planned)
        return found if reranking is None else await self._areranked(reranking, found)

    def explain_search(
        self,
        namespace_prefix: Labels,
        /,
        *,
        query: str,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode | None = None,
    ) -> Explanation:
        """Which way a search by a query goes, and why; it runs the search, without reranking."""
        return self.executor.run(
            self._explaining(SearchOp(namespace_prefix, filter, limit, offset, query, False), mode)
        )

    async def aexplain_search(
        self,
        namespace_prefix: Labels,
        /,
        *,
        query: str,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode | None = None,
    ) -> Explanation:
        """As `explain_search`."""
        return await self.executor.arun(
            self._explaining(SearchOp(namespace_prefix, filter, limit, offset, query, False), mode)
        )

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Does all operations; results in their order. Reads come before writes.

        The whole batch is checked before anything is sent. Of several writes to one item the
        last wins.

        Raises:
            BatchError: the server refused several of them; one alone raises its own error. The
                others were done.
        """
        planned, rerankings = self._prepared_all(ops)
        results = self.executor.run_all(planned)
        for position, reranking in rerankings.items():
            results[position] = self._reranked(reranking, results[position])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, awaited on any event loop."""
        planned, rerankings = self._prepared_all(ops)
        results = await self.executor.arun_all(planned)
        for position, reranking in rerankings.items():
            results[position] = await self._areranked(reranking, results[position])
        return results

    def _reranked(self, reranking: Reranking, found: list[Any]) -> list[SearchItem]:
        page = reranking.apply(found)
        self.executor.run_all([self.planner.plan(op) for op in reranking.read(page)])
        return page

    async def _areranked(self, reranking: Reranking, found: list[Any]) -> list[SearchItem]:
        page = await reranking.aapply(found)
        await self.executor.arun_all([self.planner.plan(op) for op in reranking.read(page)])
        return page

    def _options(
        self, op: SearchOp, *, include_unindexed: bool, **asked: Any
    ) -> QueryOptions | None:
        """What a search asks for, the index's defaults filled in; None without an index."""
        index = self.planner.context.index
        if index is None and (include_unindexed or set(asked.values()) != {None}):
            raise InvalidOperationError(
                "this store was not given an index, so a query has no effect, and neither have "
                f"{', '.join(asked)} and include_unindexed"
            )
        if index is None or is_blank(op.query):
            return None
        return query_options(index, include_unindexed=include_unindexed, **asked)

    def _prepared(
        self, op: SearchOp, options: QueryOptions | None, rerank: Rerank | None = None
    ) -> tuple[Operation[list[SearchItem]], Reranking | None]:
        """The search to run, and what puts its result in its final order."""
        planner = self.planner
        if options is None:
            return planner.search(op), None
        index = planner.context.index
        if rerank is None and index is not None:
            rerank = index.rerank
        if rerank is None:
            return planner.query(op, options), None
        reranking = Reranking(rerank, op)
        return planner.query(reranking.candidates(), options), reranking

    def _prepared_all(self, ops: Iterable[Op]) -> tuple[list[Operation[Any]], dict[int, Reranking]]:
        planner = self.planner
        index = planner.context.index
        if index is None or index.rerank is None:
            return [planner.plan(op) for op in ops], {}
        planned: list[Operation[Any]] = []
        rerankings: dict[int, Reranking] = {}
        for position, op in enumerate(ops):
            reranking = None
            if isinstance(op, SearchOp) and not is_blank(op.query):
                one, reranking = self._prepared(op, default_options(index))
            else:
                one = planner.plan(op)
            planned.append(one)
            if reranking is not None:
                rerankings[position] = reranking
        return planned, rerankings

    def _explaining(self, op: SearchOp, mode: SearchMode | None) -> Operation[Explanation]:
        planner = self.planner
        if planner.context.index is None:
            raise InvalidOperationError("explain_search: this store was not given an index")
        if is_blank(op.query):
            raise InvalidOperationError(
                f"explain_search: the query {op.query!r} asks for nothing, so the newest items "
                "come first; explain(SearchOp(…)) shows that statement"
            )
        return planner.query(op, query_options(planner.context.index, mode=mode), explaining=True)
