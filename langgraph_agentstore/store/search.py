"""Search with and without a query, and batches of operations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from langgraph.store.base import IndexConfig, Op, Result, SearchItem, SearchOp

from ..config.search_index import QuerySyntax, SearchMode
from ..errors import InvalidOperationError
from ..model.checks import check_whole
from ..model.namespaces import Labels, check_labels
from ..results import Explanation, Rerank, SearchResults
from ..security.history.reading_sql import moment
from ..security.history.searching_sql import plan_search_as_of
from ..sql.items.records import LARGEST_LIMIT
from ..sql.search.options import QueryOptions, default_options, query_options
from ..sql.search.text import is_blank, word_query
from .base import StoreBase
from .executor import Operation
from .reranking import Reranking
from .ttl_defaults import refreshes


class Search(StoreBase):
    """Methods that search by filter or by query, and that run batches."""

    @property
    def index_config(self) -> IndexConfig | None:
        """The `index=` of the store, or the one that `reindex` replaced it with."""
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
        query_syntax: QuerySyntax | None = None,
        as_of: datetime | None = None,
    ) -> list[SearchItem]:
        """Return the items at or below a namespace that pass the filter, best or newest first.

        Without a query, the latest `updated_at` comes first; ties are ordered by user, namespace
        and key. With a query, on a store with an index, the best match comes first and the items
        are `ScoredItem`. The result always has min(limit, matches) items. The pages of one search
        are disjoint and complete.

        Args:
            namespace_prefix: whole labels; `("a",)` covers `("a", "b")`, not `("ab",)`.
            query: the text to search for. A query without a letter, digit or symbol counts as no
                query. On a store without an index, it has no effect, and one warning is logged.
            filter: see the reference of filter operators.
            limit: the maximum number of items; 0 returns none.
            offset: the number of items to skip first.
            refresh_ttl: whether to extend the expiry of returned items. None: the store's default.
            mode: "vector", "text" or "hybrid". None: the index's mode.
            min_score: drop items with a lower score.
            min_similarity: drop items with a lower `similarity`, and items without a vector. For
                the modes "vector" and "hybrid".
            rerank: a function that gets the query and the best `CANDIDATES` items. It returns a
                score for each, or the items in a new order. None: the index's `rerank`, if any.
            recency_half_life_days: halve an item's score for each such period since it was
                written.
            include_unindexed: with a query, append the items that are not indexed.
            query_syntax: "web" requires "a phrase" and excludes -word, "plain" requires nothing,
                "auto" is "plain" for a question. None: the index's, by default "auto".
            as_of: search what was there at this moment, by filter and words; a query's best
                `ts_rank` comes first. It goes with none of the options from `mode` on. Needs a
                store with `history=`.

        Raises:
            InvalidFilterError: the filter is malformed.
            InvalidOperationError: limit or offset is below 0, or the index lacks this mode.
            HistoryNotKeptError: history does not tell of the moment `as_of`.
            EmbeddingError: the embedder failed.
        """
        op = SearchOp(namespace_prefix, filter, limit, offset, query, refreshes(self, refresh_ttl))
        options = self._options(
            op,
            as_of=as_of,
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            recency_half_life_days=recency_half_life_days,
            include_unindexed=include_unindexed,
            query_syntax=query_syntax,
        )
        planned, reranking = self._prepared(op, options, rerank, as_of)
        found = self._reader.run(planned)
        if reranking is not None:
            found = self._reranked(reranking, found)
        return SearchResults(found)

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
        query_syntax: QuerySyntax | None = None,
        as_of: datetime | None = None,
    ) -> list[SearchItem]:
        """Async form of `search`."""
        op = SearchOp(namespace_prefix, filter, limit, offset, query, refreshes(self, refresh_ttl))
        options = self._options(
            op,
            as_of=as_of,
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            recency_half_life_days=recency_half_life_days,
            include_unindexed=include_unindexed,
            query_syntax=query_syntax,
        )
        planned, reranking = self._prepared(op, options, rerank, as_of)
        found = await self._reader.arun(planned)
        if reranking is not None:
            found = await self._areranked(reranking, found)
        return SearchResults(found)

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
        query_syntax: QuerySyntax | None = None,
    ) -> Explanation:
        """Run a search by a query without reranking; return how it ran and why."""
        return self.executor.run(
            self._explaining(
                SearchOp(namespace_prefix, filter, limit, offset, query, False), mode, query_syntax
            )
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
        query_syntax: QuerySyntax | None = None,
    ) -> Explanation:
        """Async form of `explain_search`."""
        return await self.executor.arun(
            self._explaining(
                SearchOp(namespace_prefix, filter, limit, offset, query, False), mode, query_syntax
            )
        )

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run all operations and return their results in order. Reads come before writes.

        The whole batch is checked before anything is sent. Of several writes to one item, the last
        wins.

        Raises:
            BatchError: several operations failed on the server; all others were done. If only one
                fails, its own error is raised.
        """
        planned, rerankings = self._prepared_all(ops)
        results = self._reader.run_all(planned)
        for position, reranking in rerankings.items():
            results[position] = self._reranked(reranking, results[position])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Async form of `batch`, on any event loop."""
        planned, rerankings = self._prepared_all(ops)
        results = await self._reader.arun_all(planned)
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
        self, op: SearchOp, *, as_of: datetime | None, include_unindexed: bool, **asked: Any
    ) -> QueryOptions | None:
        """Return the options of a search, filled in from the index; None without an index."""
        index = self.planner.context.index
        if as_of is not None and (include_unindexed or set(asked.values()) != {None}):
            raise InvalidOperationError(
                f"as_of goes with query, filter, limit and offset, not with {', '.join(asked)} or "
                "include_unindexed; leave these out"
            )
        if index is None and (include_unindexed or set(asked.values()) != {None}):
            raise InvalidOperationError(
                "this store was not given an index, so a query has no effect, and neither have "
                f"{', '.join(asked)} and include_unindexed"
            )
        if index is None or is_blank(op.query):
            return None
        return query_options(index, include_unindexed=include_unindexed, **asked)

    def _prepared(
        self,
        op: SearchOp,
        options: QueryOptions | None,
        rerank: Rerank | None = None,
        as_of: datetime | None = None,
    ) -> tuple[Operation[list[SearchItem]], Reranking | None]:
        """Return the search to run, and the reranking of its result, if any."""
        planner = self.planner
        if as_of is not None:
            return self._plan_then(op, options, rerank, moment("as_of", as_of)), None
        if options is None:
            return planner.search(op), None
        index = planner.context.index
        if rerank is None and index is not None:
            rerank = index.rerank
        if rerank is None:
            return planner.query(op, options), None
        reranking = Reranking(rerank, op)
        return planner.query(reranking.candidates(), options), reranking

    def _plan_then(
        self, op: SearchOp, options: QueryOptions | None, rerank: Rerank | None, as_of: datetime
    ) -> Operation[list[SearchItem]]:
        """Plan the search for what was there at a moment."""
        planner, words = self.planner, None
        check_whole("limit", op.limit, 0, LARGEST_LIMIT)
        check_whole("offset", op.offset, 0, LARGEST_LIMIT)
        if rerank is not None:
            raise InvalidOperationError("as_of does not go with rerank; rank the results yourself")
        if options is not None:
            if planner.context.searched.language is None:
                raise InvalidOperationError(
                    "as_of with a query searches words, and this store's index has only vectors: "
                    "use mode 'hybrid' or 'text' in index=, or leave the query out"
                )
            words = word_query(str(op.query), options.query_syntax)
        return plan_search_as_of(
            planner.scope.regions(check_labels(op.namespace_prefix)),
            as_of,
            planner.filter(op.filter),
            words,
            (op.limit, op.offset),
            planner.scope,
            planner.context,
        )

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

    def _explaining(
        self, op: SearchOp, mode: SearchMode | None, query_syntax: QuerySyntax | None
    ) -> Operation[Explanation]:
        planner = self.planner
        if planner.context.index is None:
            raise InvalidOperationError("explain_search: this store was not given an index")
        if is_blank(op.query):
            raise InvalidOperationError(
                f"explain_search: the query {op.query!r} asks for nothing, so the newest items "
                "come first; explain(SearchOp(…)) shows that statement"
            )
        options = query_options(planner.context.index, mode=mode, query_syntax=query_syntax)
        return planner.query(op, options, explaining=True)
