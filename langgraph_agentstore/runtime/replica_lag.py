"""What a replica is known to have: which writes of this store, and up to which moment. No I/O.

Positions in the log of the primary are taken from time to time, each with the number of the last
write that had ended by then. A replica that has replayed up to a position has all these writes,
and all that anybody had committed at that moment.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ..sql.statement import Users

_MOST_POSITIONS = 128
_MOST_USERS = 10_000

_PAGE_HEADER = 24
_SEGMENT_HEADER = 40


@dataclass(frozen=True, slots=True)
class Position:
    """A position in the primary's log: taken after `at_s`, behind the write `number`."""

    lsn: int
    at_s: float
    number: int


class UsersWrites:
    """Numbers the writes of one store, and knows the last of each user."""

    def __init__(self) -> None:
        # The store's migrations are its first write, of no user.
        self.last = self._of_all = 1
        self._of_users: dict[str, int] = {}

    def add(self, users: Users | None) -> None:
        """Count a write that ended; None is one of any users."""
        self.last += 1
        if users is None or len(self._of_users) + len(users) > _MOST_USERS:
            self._of_all = self.last
            self._of_users.clear()
        else:
            self._of_users.update(dict.fromkeys(users, self.last))

    def last_of(self, users: Iterable[str] | None) -> int:
        """Return the number of the last write that these users' reads have to see."""
        if users is None:
            return self.last
        return max([self._of_all, *(self._of_users.get(user, 0) for user in users)])

    def forget(self, number: int) -> None:
        """Forget writes up to this number: every replica in use has them."""
        self._of_users = {user: n for user, n in self._of_users.items() if n > number}


class Replayed:
    """How far one replica has followed."""

    def __init__(self) -> None:
        self._ahead: deque[Position] = deque()
        self.lost()

    def lost(self) -> None:
        """Forget what was known: the server is away, or may be another."""
        self._ahead.clear()
        self._lsn = 0
        self.number, self.as_of_s = 0, -math.inf

    def expect(self, position: Position) -> None:
        """Add a position that the replica has yet to reach."""
        if len(self._ahead) < _MOST_POSITIONS:
            self._ahead.append(position)

    def reached(self, lsn: int) -> None:
        """Note that the replica has replayed the log up to there; it may have less than before."""
        if lsn < self._lsn:
            self.lost()
        self._lsn = lsn
        while self._ahead and self._ahead[0].lsn <= lsn:
            position = self._ahead.popleft()
            self.number, self.as_of_s = position.number, position.at_s

    def serves(self, number: int, oldest_s: float) -> bool:
        """Return whether it has this write, and all that was committed at that moment."""
        return 0 < self.number >= number and self.as_of_s >= oldest_s


def end_of_record(lsn: int, page: int, segment: int) -> int:
    """Return the end of the last record before the place where the next one is written.

    Between the two is a page's header if the record filled its page.
    """
    header = _SEGMENT_HEADER if lsn % segment < page else _PAGE_HEADER
    return lsn - header if lsn % page == header else lsn
