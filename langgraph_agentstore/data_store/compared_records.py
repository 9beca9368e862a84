"""What a watch tells where the tables are distributed: the difference between two reads.

There, no writer tells of its changes. To look whether somebody watches would cost every put a visit
to the coordinator, and one node's notifications do not reach another.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timezone
from functools import partial

from ..model.addresses import ItemAddress
from ..runtime.session import Session
from .sql.changes import StoredChange
from .sql.record_states import (
    RecordKey,
    RecordState,
    changed_records_statement,
    decode_changed,
    decode_states,
    record_states_statement,
)

IDLE_FACTOR = 20
"""A watch rests this many times as long as it reads, so that one of many records costs little."""


class ComparedRecords:
    """The records of a watch as they were told last, to be compared with what is there now.

    A record that changes twice between two reads is told once, as it is then. No change is lost
    while the server is away, however long the watch does not look.
    """

    def __init__(
        self, at: ItemAddress, prefix: str, pause_s: float, *, with_below: bool = False
    ) -> None:
        self._at = at
        self._with_below = with_below
        self._prefix = prefix
        self._pause_s = pause_s
        self._told: dict[RecordKey, RecordState] = {}
        self._due_s = 0.0

    async def begin(self, session: Session) -> None:
        """Note what is there; what differs from it later is a change."""
        self._told = await self._states(session)

    async def look(self, session: Session, longest_s: float) -> list[StoredChange]:
        """Return the changes since the last look: deletions first, then in the order of writing.

        Waits until a read is due, at most `longest_s`.
        """
        due_in_s = max(0.0, self._due_s - time.monotonic())
        await asyncio.sleep(min(longest_s, due_in_s))
        if due_in_s > longest_s >= self._pause_s:
            return []
        started_s = time.monotonic()
        changes = await self._changes(session)
        ended_s = time.monotonic()
        self._due_s = ended_s + max(self._pause_s, IDLE_FACTOR * (ended_s - started_s))
        return changes

    async def _states(self, session: Session) -> dict[RecordKey, RecordState]:
        statement = record_states_statement(
            self._at, self._prefix, session.context, with_below=self._with_below
        )
        fetch = partial(session.database.fetch, kind="read_changes", users=(self._at.user_id,))
        return decode_states(await fetch(*statement))

    async def _changes(self, session: Session) -> list[StoredChange]:
        now = await self._states(session)
        told = self._told
        keys = [key for key, state in now.items() if told.get(key) != state]
        keys += [key for key in told if key not in now]
        if not keys:
            return []
        statement = changed_records_statement(self._at.user_id, keys, session.context)
        rows = await session.database.fetch(
            *statement, kind="read_changes", users=(self._at.user_id,)
        )
        # Read a moment later: what was found before may have changed once more, or back.
        found = decode_states(rows)
        gone = [self._deletion(key) for key in keys if key in told and key not in found]
        written = [
            decode_changed(self._at.user_id, row, session.context)
            for row in rows
            if told.get((row[0], row[1])) != found[row[0], row[1]]
        ]
        for change in gone:
            del told[change.namespace, change.key]
        told.update(found)
        return gone + written

    def _deletion(self, record: RecordKey) -> StoredChange:
        when = datetime.now(timezone.utc)
        return StoredChange(*record, self._told[record].version, True, None, when)
