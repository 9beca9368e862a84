"""Looking after a store: counters, health, expiry, another index, migration into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, cast

from langgraph.store.base import IndexConfig

from .._support.awaited_results import Answer, Count, Running
from .._support.progress import Progress, telling_progress
from ..config.index_options import search_index
from ..errors import InvalidOperationError
from ..langgraph_postgres.migration import Migrating
from ..langgraph_postgres.source import OfficialSource
from ..results import MigrationReport, StoreHealth, StoreStats
from ..runtime.jobs import maintenance
from ..runtime.jobs.copy_load import AFTER_LARGE_LOAD
from ..runtime.jobs.reindex import Reindexing
from .base import StoreBase
from .executor import Job
from .steps import InThread, Steps, arun, run


class Maintenance(StoreBase):
    """Looks after the store as a whole: its index, its health, expiry, and migration into it."""

    def reindex(
        self, index: Mapping[str, Any] | None = None, *, progress: Progress | bool | None = True
    ) -> int:
        """Embeds every item anew, and reads its words anew, while reads and writes go on.

        For another model, other fields or another language, and for items that were written
        before the store had an index. Searches by vector find what they found before, until all
        is done and the new vectors take the place of the old ones at once; words, if the language
        or the fields are others, are replaced item by item. If it is interrupted, the next
        `reindex` with the same index goes on where this one stopped. Other processes must then be
        started anew with the new `index=`.

        Args:
            index: the new `index=`; None, the one that the store was given.
            progress: called with the number of items done; True shows a bar on a
                terminal and in a notebook.

        Returns:
            How many items were done.

        Raises:
            EmbeddingError: the embedder failed; what was done stays.
            SchemaError: another process is reindexing, or pgvector is missing.
        """
        return run(self._reindex_steps(index, progress), self.executor)

    async def areindex(
        self, index: Mapping[str, Any] | None = None, *, progress: Progress | bool | None = True
    ) -> int:
        """As `reindex`."""
        return await arun(self._reindex_steps(index, progress), self.executor)

    def _reindex_steps(
        self, index: Mapping[str, Any] | None, progress: Progress | bool | None
    ) -> Steps[int]:
        # A model given by its name may take long to load.
        work: Reindexing = yield InThread(partial(self._reindexing, index))
        done = 0
        try:
            total: int = yield Job(work.begin)
            with telling_progress(progress, "reindexing", total) as tell:
                while not work.caught_up:
                    done += yield Job(work.step)
                    tell(done)
                yield Job(work.switch)
        finally:
            yield Job(work.end)
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
        """Counters and the state of the pool; no I/O."""
        return self.executor.stats()

    def health(self) -> StoreHealth:
        """One round trip: how long it took, and the versions of server and schema."""
        return self.executor.run(maintenance.HEALTH)

    async def ahealth(self) -> StoreHealth:
        """As `health`."""
        return await self.executor.arun(maintenance.HEALTH)

    def sweep_ttl(self) -> Count:
        """Deletes what has expired, in bounded batches; how many items that were."""
        return Count(self.executor.run(maintenance.SWEEP))

    async def asweep_ttl(self) -> int:
        """As `sweep_ttl`."""
        return await self.executor.arun(maintenance.SWEEP)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """Sweeps at an interval from now on; the future ends when the sweeper does.

        Where TTLs are in use the sweeper starts by itself, every five minutes or as the store's
        `ttl` says: call this to choose another interval. Cancelling the future ends it.

        Raises:
            InvalidOperationError: the interval is no number of minutes above 0.
        """
        return self.executor.run(maintenance.start_sweeper(sweep_interval_minutes))

    async def astart_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """As `start_ttl_sweeper`."""
        return await self.executor.arun(maintenance.start_sweeper(sweep_interval_minutes))

    def stop_ttl_sweeper(self, timeout: float | None = None) -> Answer:  # noqa: ARG002
        """Ends the sweeper, also the one that started by itself; whether one was running.

        `timeout` is there for code written for the official store; it ends at once.
        """
        return Answer(self.executor.run(maintenance.STOP_SWEEPER))

    async def astop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        """As `stop_ttl_sweeper`."""
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
        """Copies the items and vectors of `PostgresStore` or `AsyncPostgresStore` into this store.

        The tables `store` and `store_vectors` are read as they are at one moment, by a role that
        need not be allowed more than SELECT, while anybody may go on using them. Times, expiry
        and TTL stay; nothing is embedded. Of an item that both have, the newer stays. So it can be
        run again, for what was written there since, and after an interruption: it does what is
        left to do. At the end all is compared.

        Args:
            dsn: of the database that the official store was given; that of this store or another.
            schema: where its tables are.
            since: only items written there since then, or kept alive by a read, such as `read_at`
                of an earlier report less a minute: what was removed here meanwhile and not
                touched there stays away.
            skip_refused: leaves items out that this store does not take, instead of raising.
            progress: called with the number of items done so far, after each page; True shows a
                bar on a terminal and in a notebook.

        Raises:
            ConfigurationError: the tables are not there; or `schema` is no name.
            IndexMismatchError: this store's index has other dims, or other fields. Nothing is
                written.
            DatabaseError: the role may not read them.
            InvalidKeyError, InvalidNamespaceError, InvalidValueError: this store does not take
                an item; the message names it. Nothing of its page is written.
            CopyMismatchError: an item is not here in the end; run it again.
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
        """As `migrate_from_langgraph_postgres`; what it wrote until it is cancelled is whole."""
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
            total: int = yield Job(work.begin)
            with telling_progress(progress, "migrating", total) as tell:
                while not work.copied:
                    tell((yield Job(work.copy)))
            with telling_progress(progress is True, "comparing", total) as tell:
                while not work.compared:
                    tell((yield Job(work.compare)))
        finally:
            yield Job(work.end)
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
