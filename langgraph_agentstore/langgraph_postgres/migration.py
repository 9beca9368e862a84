"""Migration from the official store: page by page, each written whole, then all compared.

No position is kept. Each page is compared with the items here, and missing or older ones are
written. So a second run, or one after a kill, does only what is left to do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..errors import AgentStoreError, CopyMismatchError
from ..model.users import Scope
from ..results import MigrationReport, RefusedItem
from ..runtime.attribution import author_alone
from ..runtime.index_state import IndexState
from ..runtime.jobs.copy_load import BEFORE_LARGE_LOAD
from ..runtime.jobs.indexes import lacks_approximate_index
from ..runtime.session import Session
from ..sql.items.put_indexed import LARGEST_INDEXED_BATCH
from ..sql.statement import SqlContext
from .items_sql import Migrant, labels_of_prefix, plan_migrant
from .merge_sql import Presence, plan_presence, plan_settle
from .source import OfficialSource, Page, SourceRow
from .tables_sql import check_index

LISTED = 1000
"""Of the items that were refused, how many a report lists."""

LARGE = 250
"""From so many items, or vectors, on an approximate index is better made at the end."""

_BATCH_PARTS = 1000


class Migrating:
    """One migration, as jobs.

    `begin`, then `copy` until all is `copied`, `compare` until all is `compared`, and `end`.
    """

    def __init__(self, source: OfficialSource, scope: Scope, *, skip_refused: bool) -> None:
        self._source = source
        self._scope = scope
        self._skip_refused = skip_refused
        self._turn = asyncio.Lock()
        self._page: Page | None = None
        self._counts: Counter[str] = Counter()
        self._seen_again = 0
        self._refusals: list[RefusedItem] = []
        self._ended = self._prepared = False
        self.large = self.copied = self.compared = False

    async def begin(self, session: Session) -> int:
        """Open the source and return its number of items.

        Raises:
            AgentStoreError: it cannot be read, or this store's index cannot take its vectors.
        """
        async with self._turn:
            index_state = session.index.now
            if index_state.problem is not None:
                raise index_state.problem
            await self._source.open(session.config.pool)
            check_index(self._source.tables, self._source.named or frozenset(), index_state.context)
            return self._source.total

    async def copy(self, session: Session) -> int:
        """Write the missing or older items of the next page; return how many are done in all.

        Raises:
            AgentStoreError: an item is refused, and none of its page was written; or the server
                failed.
        """
        async with self._turn:
            page = await self._next_page()
            counts = Counter({"expired": page.expired})
            await session.index.do(partial(self._copy, session, page, counts))
            self._page = None
            self._counts += counts
            self.copied = not page.size
            if self.copied:
                await self._source.rewind()
            return self._done

    async def compare(self, session: Session) -> int:
        """Compare the next page with the items here; return how many are done in all.

        Raises:
            CopyMismatchError: an item is missing, or older here.
        """
        async with self._turn:
            page = await self._next_page()
            standings = await session.index.do(partial(self._compare, session, page))
            self._page = None
            # What expired meanwhile may be gone, and is no loss.
            self._counts["compared"] += standings.count("same") + standings.count("newer")
            self._seen_again += page.size
            self.compared = not page.size
            if self.compared:
                self._check_counts()
                # It may be missing since an earlier run, which took it away and then was killed.
                self.large = self.large or lacks_approximate_index(session.context)
            return self._seen_again

    async def end(self, _session: Session) -> None:
        """Close the source when running work is done. Idempotent."""
        self._ended = True
        async with self._turn:
            await self._source.close()

    def report(self) -> MigrationReport:
        """Return the report, once all is compared."""
        counts = self._counts
        return MigrationReport(
            read_at=self._source.read_at,
            items=self._source.total,
            copied=counts["absent"],
            present=counts["same"],
            newer=counts["newer"],
            expired=counts["expired"],
            refused=counts["refused"],
            compared=counts["compared"],
            vectors=counts["vectors"],
            stale_vectors=counts["stale_vectors"],
            unindexed=counts["unindexed"],
            refusals=tuple(self._refusals),
        )

    @property
    def _done(self) -> int:
        counted = ("absent", "same", "newer", "expired", "refused")
        return sum(self._counts[name] for name in counted)

    async def _next_page(self) -> Page:
        """Return the page that failed, to be done again; else the next one."""
        if self._ended:
            raise asyncio.CancelledError
        if self._page is None:
            self._page = await self._source.page()
        return self._page

    async def _copy(
        self, session: Session, page: Page, counts: Counter[str], index_state: IndexState
    ) -> None:
        context = index_state.context
        migrants, refusals = await asyncio.to_thread(self._planned, page.rows, context)
        if refusals and not self._skip_refused:
            raise self._refusing(refusals[0])
        standings = await self._standings(session, migrants, context)
        wanted = [m for m, s in zip(migrants, standings, strict=True) if s in ("absent", "older")]
        written = counts["vectors"] = 0
        if wanted:
            await self._prepare(session, wanted)
            for batch in _batches(wanted, session.context):
                written += await self._settle(session, batch, context, counts)
        counts["absent"] = written
        counts["newer"] = standings.count("newer") + len(wanted) - written
        counts["same"], counts["expired"] = standings.count("same"), page.expired
        counts["expired"] += standings.count("expired")
        counts["refused"] = len(refusals)
        counts["stale_vectors"] = _left_behind(page.rows, migrants)
        counts["unindexed"] = sum(migrant.unindexed for migrant in migrants)
        self._refusals += [error for error, _ in refusals][: LISTED - len(self._refusals)]

    async def _compare(
        self, session: Session, page: Page, index_state: IndexState
    ) -> list[Presence]:
        migrants, _ = await asyncio.to_thread(self._planned, page.rows, index_state.context)
        standings = await self._standings(session, migrants, index_state.context)
        for migrant, presence in zip(migrants, standings, strict=True):
            if presence in ("absent", "older"):
                raise CopyMismatchError(
                    f"{_where(migrant.item.prefix, migrant.item.key)} is not in this store as it "
                    "is in the official one: somebody removed it here meanwhile, or wrote it "
                    "with a clock that is behind; run the migration again"
                )
        return standings

    def _check_counts(self) -> None:
        if not self._done == self._seen_again == self._source.total:
            raise CopyMismatchError(
                f"the official store has {self._source.total} items, of which {self._done} were "
                f"read, and then {self._seen_again}; run the migration again"
            )

    def _planned(
        self, rows: Sequence[SourceRow], context: SqlContext
    ) -> tuple[list[Migrant], list[tuple[RefusedItem, AgentStoreError]]]:
        migrants, refusals = [], []
        for row in rows:
            item = row.item
            try:
                migrants.append(
                    plan_migrant(item, row.fresh, self._source.named, self._scope, context)
                )
            except AgentStoreError as error:
                refused = RefusedItem(labels_of_prefix(item.prefix), item.key, str(error))
                refusals.append((refused, error))
        return migrants, refusals

    def _refusing(self, refusal: tuple[RefusedItem, AgentStoreError]) -> AgentStoreError:
        refused, error = refusal
        return type(error)(
            f"key {refused.key!r} in {refused.namespace!r}: {error}; nothing of its page was "
            f"written, {self._done} items before it are done. skip_refused=True leaves such "
            "items out and lists them in the report"
        )

    async def _standings(
        self, session: Session, migrants: Sequence[Migrant], context: SqlContext
    ) -> list[Presence]:
        statement = plan_presence(migrants, context)
        rows = await session.database.fetch(statement.sql, statement.arguments, kind="migrate")
        return statement.decode(rows).result

    async def _settle(
        self, session: Session, batch: Sequence[Migrant], context: SqlContext, counts: Counter[str]
    ) -> int:
        await self._source.fill(batch)
        sealed = await session.database.sealed([migrant.put for migrant in batch])
        written_as = [replace(each, put=put) for each, put in zip(batch, sealed, strict=True)]
        statement = plan_settle(written_as, context)
        said = author_alone(statement.sql, context.tables)
        rows = await session.database.run(statement, statement.users, settings=said)
        written = statement.decode(rows).result
        counts["vectors"] += sum(len(m.names) for m in batch if m.put.item_id in written)
        for migrant in batch:
            migrant.put.vectors = None  # those of a whole page would be many
        return len(written)

    async def _prepare(self, session: Session, wanted: Sequence[Migrant]) -> None:
        if any(migrant.item.expires_at is not None for migrant in wanted):
            session.sweeper.start_by_itself()
        coming = sum(len(migrant.names) for migrant in wanted)
        if not coming:
            return
        if not self._prepared and self._source.total >= LARGE:
            await BEFORE_LARGE_LOAD.run(session)
        self._prepared = True
        self.large = self._counts["vectors"] + coming >= LARGE


def _batches(migrants: Sequence[Migrant], context: SqlContext) -> Iterator[list[Migrant]]:
    """Yield vectors in bounded numbers, fewer where an approximate index makes each dear."""
    most = LARGEST_INDEXED_BATCH if context.approximate else _BATCH_PARTS
    batch: list[Migrant] = []
    parts = 0
    for migrant in migrants:
        batch.append(migrant)
        parts += len(migrant.names)
        if parts >= most:
            yield batch
            batch, parts = [], 0
    if batch:
        yield batch


def _left_behind(rows: Sequence[SourceRow], migrants: Sequence[Migrant]) -> int:
    """Count the vectors there of texts that their items no longer have, or are not found by."""
    return sum(row.names for row in rows) - sum(len(migrant.names) for migrant in migrants)


def _where(prefix: str, key: str) -> str:
    return f"key {key!r} in {labels_of_prefix(prefix)!r}"
