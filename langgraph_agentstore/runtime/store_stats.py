"""The counters of a store, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping

from ..results import KindStats, StoreStats
from .near_reads import NearReads
from .session import Session


def stats_of(
    session: Session | None,
    near: NearReads | None,
    refused: int,
    in_inbox: int,
    kinds: Mapping[str, KindStats],
) -> StoreStats:
    """Return the counters; `refused` operations came while the store could not open."""
    if session is None:
        return StoreStats(refused, 0, refused, 0, 0, 0, in_inbox, 0, 0, kinds)
    pool, reads = session.database.connections, 0 if near is None else near.reads
    return StoreStats(
        operations=session.operations + refused + reads,
        statements=session.database.statements + reads,
        failed_operations=session.failed + refused,
        retries=session.database.retries,
        refreshes=session.refreshed,
        swept=session.sweeper.swept,
        waiting=session.waiting + in_inbox,
        pool_size=pool.size + (0 if near is None else near.size),
        pool_idle=pool.idle + (0 if near is None else near.idle),
        kinds=kinds,
        connections_made=pool.made + (0 if near is None else near.made),
        connections_lost=pool.lost + (0 if near is None else near.lost),
        failovers=pool.attempts.failovers,
    )
