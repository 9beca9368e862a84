"""Looking after a store: its counters, its health, what has expired, and changing its index."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langgraph.store.base import IndexConfig

from .._support.awaited_results import Answer, Count, Running
from .._support.progress import Progress, telling_progress
from ..config.index_options import search_index
from ..errors import InvalidOperationError
from ..results import StoreHealth, StoreStats
from ..runtime.jobs import maintenance
from ..runtime.jobs.reindex import Reindexing
from ..runtime.session import Job
from .items import ExtendedSurface


class KeptSurface(ExtendedSurface):
    """`ExtendedSurface` with what concerns the store as a whole."""

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
        work = self._reindexing(index)
        try:
            total: int = self._run(Job(work.begin))
            with telling_progress(progress, "reindexing", total) as tell:
                done = 0
                while not work.caught_up:
                    done += self._run(Job(work.step))
                    tell(done)
                self._run(Job(work.switch))
        finally:
            self._run(Job(work.end))
        self._remember(index)
        return done

    async def areindex(
        self, index: Mapping[str, Any] | None = None, *, progress: Progress | bool | None = True
    ) -> int:
        """As `reindex`."""
        # A model that is named may take long to be made.
        work = await asyncio.to_thread(self._reindexing, index)
        try:
            total: int = await self._arun(Job(work.begin))
            with telling_progress(progress, "reindexing", total) as tell:
                done = 0
                while not work.caught_up:
                    done += await self._arun(Job(work.step))
                    tell(done)
                await self._arun(Job(work.switch))
        finally:
            await self._arun(Job(work.end))
        self._remember(index)
        return done

    def _reindexing(self, index: Mapping[str, Any] | None) -> Reindexing:
        current_rules = self._planner.current_rules
        wanted = current_rules.context.index if index is None else search_index(index)
        if wanted is None:
            raise InvalidOperationError(
                "reindex: this store was not given an index; pass the one it should have"
            )
        return Reindexing(replace(current_rules.context, index=wanted), current_rules)

    def _remember(self, index: Mapping[str, Any] | None) -> None:
        if index is not None:
            self._engine.index_config = cast("IndexConfig", index)

    def stats(self) -> StoreStats:
        """Counters and the state of the pool; no I/O."""
        return self._engine.stats()

    def health(self) -> StoreHealth:
        """One round trip: how long it took, and the versions of server and schema."""
        health: StoreHealth = self._run(maintenance.HEALTH)
        return health

    async def ahealth(self) -> StoreHealth:
        """As `health`."""
        health: StoreHealth = await self._arun(maintenance.HEALTH)
        return health

    def sweep_ttl(self) -> Count:
        """Deletes what has expired, in bounded batches; how many items that were."""
        return Count(self._run(maintenance.SWEEP))

    async def asweep_ttl(self) -> int:
        """As `sweep_ttl`."""
        swept: int = await self._arun(maintenance.SWEEP)
        return swept

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """Sweeps at an interval from now on; the future ends when the sweeper does.

        Where TTLs are in use the sweeper starts by itself, every five minutes or as the store's
        `ttl` says: call this to choose another interval. Cancelling the future ends it.

        Raises:
            InvalidOperationError: the interval is no number of minutes above 0.
        """
        stopped: Running = self._run(maintenance.start_sweeper(sweep_interval_minutes))
        return stopped

    async def astart_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Running:
        """As `start_ttl_sweeper`."""
        stopped: Running = await self._arun(maintenance.start_sweeper(sweep_interval_minutes))
        return stopped

    def stop_ttl_sweeper(self, timeout: float | None = None) -> Answer:  # noqa: ARG002
        """Ends the sweeper, also the one that started by itself; whether one was running.

        `timeout` is there for code written for the official store; it ends at once.
        """
        return Answer(self._run(maintenance.STOP_SWEEPER))

    async def astop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        """As `stop_ttl_sweeper`."""
        running: bool = await self._arun(maintenance.STOP_SWEEPER)
        return running
