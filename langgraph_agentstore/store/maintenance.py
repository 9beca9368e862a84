"""Maintenance of a store: statistics, health, expiry, reindexing, migration into it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Literal, cast

from langgraph.store.base import IndexConfig

from .._support.awaited_results import Answer, Count, Running
from .._support.progress import Progress, telling_progress
from ..config.index_options import search_index
from ..errors import AgentStoreError, BlockingCallError, InvalidOperationError, StoreClosedError
from ..langgraph_postgres.migration import Migrating
from ..langgraph_postgres.source import OfficialSource
from ..results import MigrationReport, StoreHealth, StoreReadiness, StoreStats
from ..runtime.jobs import maintenance
from ..runtime.jobs.copy_load import AFTER_LARGE_LOAD
from ..runtime.jobs.reindex import Reindexing
from .base import StoreBase
from .bulk_load import telling
from .executor import Job
from .step_driver import InThread, Steps, arun, run

ANSWER_S = 1.0
"""How long `health` waits for the I/O thread."""


def _not_ready(error: AgentStoreError) -> StoreReadiness:
    if isinstance(error, (StoreClosedError, BlockingCallError)):
        raise error
    return StoreReadiness(ready=False, reason=f"{type(error).__name__}: {error}")


class Maintenance(StoreBase):
    """Methods that concern the store as a whole."""

    def reindex(
        self, index: Mapping[str, Any] | None = None, *, progress: Progress | bool | None = True
    ) -> int:
        """Embed every item again, and rebuild its text search, while reads and writes continue.

        Use it to change the model, the fields or the language, and for items written before the
        store had an index. Until the end, vector search uses the old vectors. Then the new vectors
        replace all old ones at once. If the language or the fields changed, the words of text
        search are replaced item by item. After an interruption, the next `reindex` with the same
        index resumes the work. Restart other processes with the new `index=` afterwards.

        Args:
            index: the new `index=`. None: the index of the store.
            progress: called with the number of items done. True shows a bar on a terminal and in
                a notebook.

        Returns:
            The number of items done.

        Raises:
            EmbeddingError: the embedder failed; finished work stays.
            SchemaError: another process is reindexing, or pgvector is missing.
        """
        return run(self._reindex_steps(index, progress), self.executor)

    async def areindex(
        self, index: Mapping[str, Any] | None = None, *, progress: Progress | bool | None = True
    ) -> int:
        """Async form of `reindex`."""
        return await arun(self._reindex_steps(index, progress), self.executor)

    def _reindex_steps(
        self, index: Mapping[str, Any] | None, progress: Progress | bool | None
    ) -> Steps[int]:
        # A model given by its name may take long to load.
        work: Reindexing = yield InThread(partial(self._reindexing, index))
        done = 0
        try:
            total: int = yield Job(work.begin, kind="reindex")
            with telling_progress(progress, "reindexing", total) as tell:
                while not work.caught_up:
                    with telling(f"{done} items are done; the next reindex goes on from there"):
                        done += yield Job(work.step, kind="reindex")
                    tell(done)
                yield Job(work.switch, kind="reindex")
        finally:
            yield Job(work.end, kind="reindex")
        if index is not None:
            self.executor.index_config = cast("IndexConfig", index)
        return done

    def _reindexing(self, index: Mapping[str, Any] | None) -> Reindexing:
        current_rules = self.executor.current_rules
        wanted = current_rules.context.index if index is None else search_index(index)
        if wanted is None:
            raise InvalidOperationError(
                "reindex: this store was not given an index; pass the one it should have"
            )
        return Reindexing(replace(current_rules.context, index=wanted), current_rules)

    def stats(self) -> StoreStats:
        """Return counters and the state of the pool, without I/O."""
        return self.executor.stats()

    def health(self) -> StoreHealth:
        """Return the state of the store in this process, within a second; ask no server."""
        stats = self.executor.stats()
        if self.executor.is_closed:
            return StoreHealth(False, "closed", None, 0, 0, 0)
        answer_ms = self.executor.answer_ms(ANSWER_S)
        is_new = answer_ms is None and not stats.waiting and not self.executor.is_open
        unopened: Literal["new", "opening"] = "new" if is_new else "opening"
        return StoreHealth(
            alive=is_new or answer_ms is not None,
            state="open" if self.executor.is_open else unopened,
            answer_ms=answer_ms,
            connections=stats.pool_size,
            idle=stats.pool_idle,
            waiting=stats.waiting,
        )

    async def ahealth(self) -> StoreHealth:
        """Async form of `health`."""
        return await asyncio.to_thread(self.health)

    def ready(self) -> StoreReadiness:
        """Ask the server whether it serves, within 3 s once the store is open.

        Opens the store if it is not open yet. A server that is away, or refuses the store, is told
        by the result, not by an error.

        Raises:
            StoreClosedError: the store was closed.
        """
        try:
            return self.executor.run(maintenance.READY)
        except AgentStoreError as error:
            return _not_ready(error)

    async def aready(self) -> StoreReadiness:
        """Async form of `ready`."""
        try:
            return await self.executor.arun(maintenance.READY)
        except AgentStoreError as error:
            return _not_ready(error)

    def sweep_ttl(self) -> Count:
        """Delete expired items, in bounded batches; return the number of deleted items."""
        return Count(self.executor.run(maintenance.SWEEP))

    async def asweep_ttl(self) -> int:
        """Async form of `sweep_ttl`."""
        return await self.executor.arun(maintenance.SWEEP)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """Sweep at an interval from now on; return a future that ends with the sweeper.

        If TTLs are used, the sweeper starts automatically. It runs every five minutes, or at the
        interval of the store's `ttl`. Call this method to choose another interval. Cancelling the
        future ends the sweeper.

        Raises:
            InvalidOperationError: the interval is not a number of minutes above 0.
        """
        return self.executor.run(maintenance.start_sweeper(sweep_interval_minutes))

    async def astart_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """Async form of `start_ttl_sweeper`."""
        return await self.executor.arun(maintenance.start_sweeper(sweep_interval_minutes))

    def stop_ttl_sweeper(self, timeout: float | None = None) -> Answer:  # noqa: ARG002
        """Stop the sweeper, even one that started automatically; return whether one was running.

        `timeout` exists for code written for the official store; the sweeper stops at once.
        """
        return Answer(self.executor.run(maintenance.STOP_SWEEPER))

    async def astop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        """Async form of `stop_ttl_sweeper`."""
        return await self.executor.arun(maintenance.STOP_SWEEPER)

    # Coming from LangGraph's own Postgres store

    def migrate_from_langgraph_postgres(
        self,
        dsn: str,
        *,
        schema: str = "public",
        since: datetime | None = None,
        skip_refused: bool = False,
        progress: Progress | bool | None = None,
    ) -> MigrationReport:
        """Copy the items and vectors of `PostgresStore` or `AsyncPostgresStore` into this store.

        Reads the tables `store` and `store_vectors` in one snapshot, while others may use them. The
        role needs only SELECT. Timestamps, expiry and TTL are kept. Nothing is embedded. If both
        stores have an item, the newer one stays. Run it again to copy items that were written there
        since, or after an interruption; only the missing work is done. At the end, all items are
        compared.

        Args:
            dsn: the database of the official store, which may also be the database of this store.
            schema: the schema of its tables.
            since: copy only items that were written, or whose expiry a read extended, since this
                time. For example, `read_at` of an earlier report minus one minute. Items that were
                deleted here meanwhile, and did not change there, then stay deleted.
            skip_refused: skip items that this store does not accept, instead of raising.
            progress: called with the number of items done so far, after each page. True shows a
                bar on a terminal and in a notebook.

        Raises:
            ConfigurationError: the tables do not exist, or `schema` is not a name.
            IndexMismatchError: this store's index has other dims or other fields. Nothing is
                written.
            DatabaseError: the role may not read the tables.
            InvalidKeyError, InvalidNamespaceError, InvalidValueError: this store does not accept
                an item; the message names it. No item of its page is written.
            CopyMismatchError: an item is missing here at the end; run it again.
        """
        steps = self._migration_steps(dsn, schema, since, skip_refused, progress)
        return run(steps, self.executor)

    async def amigrate_from_langgraph_postgres(
        self,
        dsn: str,
        *,
        schema: str = "public",
        since: datetime | None = None,
        skip_refused: bool = False,
        progress: Progress | bool | None = None,
    ) -> MigrationReport:
        """Async form of `migrate_from_langgraph_postgres`.

        Pages written before a cancellation stay.
        """
        steps = self._migration_steps(dsn, schema, since, skip_refused, progress)
        return await arun(steps, self.executor)

    def _migration_steps(
        self,
        dsn: str,
        schema: str,
        since: datetime | None,
        skip_refused: bool,
        progress: Progress | bool | None,
    ) -> Steps[MigrationReport]:
        work = self._migrating(dsn, schema, since, skip_refused)
        try:
            total: int = yield Job(work.begin, kind="migrate")
            with telling_progress(progress, "migrating", total) as tell:
                while not work.copied:
                    tell((yield Job(work.copy, kind="migrate")))
            with telling_progress(progress is True, "comparing", total) as tell:
                while not work.compared:
                    tell((yield Job(work.compare, kind="migrate")))
        finally:
            yield Job(work.end, kind="migrate")
        if work.large:
            yield AFTER_LARGE_LOAD
        return work.report()

    def _migrating(
        self, dsn: str, schema: str, since: datetime | None, skip_refused: bool
    ) -> Migrating:
        if since is not None and getattr(since, "tzinfo", None) is None:
            raise InvalidOperationError(
                f"since is a datetime with a time zone, such as report.read_at, got {since!r}"
            )
        source = OfficialSource(dsn, schema, since)
        return Migrating(source, self.planner.scope, skip_refused=skip_refused)
