"""What is told of a thread without reading it out: when it began and ended, how long it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from .turns import Turn, moment_of


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread: when its first and last turn were said, in UTC, and how many it has."""

    thread_id: str
    first: datetime
    last: datetime
    turns: int


def summary(thread_id: str, first: str, last: str, turns: int) -> ThreadSummary:
    """From times as they are stored."""
    unknown = datetime.min.replace(tzinfo=timezone.utc)
    return ThreadSummary(thread_id, moment_of(first, unknown), moment_of(last, unknown), turns)


def summaries(turns: Iterable[Turn]) -> list[ThreadSummary]:
    """A summary of each thread, the latest first; each turn is counted once."""
    keys: dict[str, set[str]] = {}
    times: dict[str, tuple[datetime, datetime]] = {}
    for turn in turns:
        keys.setdefault(turn.thread_id, set()).add(turn.key)
        first, last = times.get(turn.thread_id, (turn.timestamp, turn.timestamp))
        times[turn.thread_id] = min(first, turn.timestamp), max(last, turn.timestamp)
    found = [
        ThreadSummary(thread_id, first, last, len(keys[thread_id]))
        for thread_id, (first, last) in times.items()
    ]
    return sorted(sorted(found, key=lambda one: one.thread_id), key=lambda o: o.last, reverse=True)
