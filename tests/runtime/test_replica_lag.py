"""What a replica is known to have, by positions in the log; no server."""

from __future__ import annotations

import math

from langgraph_agentstore.runtime.replica_lag import Position, Replayed, UsersWrites, end_of_record

NEVER = -math.inf


def test_users_wait_for_their_own_writes_and_for_those_of_all() -> None:
    writes = UsersWrites()
    opened = writes.last
    writes.add(("ann",))
    assert writes.last_of(("bob",)) == opened
    assert writes.last_of(("ann", "bob")) == writes.last_of(None) == writes.last
    writes.add(None)
    assert writes.last_of(("bob",)) == writes.last
    assert writes.last_of(()) == writes.last


def test_what_every_replica_has_is_forgotten() -> None:
    writes = UsersWrites()
    writes.add(("ann",))
    ann = writes.last
    writes.add(("bob",))
    writes.forget(ann)
    assert writes.last_of(("ann",)) < ann
    assert writes.last_of(("bob",)) == writes.last


def test_very_many_users_wait_for_each_other() -> None:
    writes = UsersWrites()
    writes.add(tuple(map(str, range(10_000))))
    writes.add(("one more",))
    assert writes.last_of(("nobody",)) == writes.last


def test_a_replica_serves_what_it_has_replayed() -> None:
    progress = Replayed()
    assert not progress.serves(0, NEVER)
    progress.expect(Position(lsn=100, at_s=1.0, number=1))
    progress.expect(Position(lsn=200, at_s=2.0, number=5))
    progress.reached(199)
    assert progress.serves(1, 1.0)
    assert not progress.serves(2, NEVER)
    assert not progress.serves(1, 1.5)
    progress.reached(200)
    assert progress.serves(5, 2.0)
    progress.lost()
    assert not progress.serves(1, NEVER)
    progress.reached(10**9)
    assert not progress.serves(1, NEVER)


def test_of_a_replica_that_has_less_than_before_nothing_is_known() -> None:
    progress = Replayed()
    progress.expect(Position(lsn=100, at_s=1.0, number=1))
    progress.reached(150)
    progress.expect(Position(lsn=200, at_s=2.0, number=2))
    progress.reached(149)
    assert not progress.serves(1, NEVER)
    progress.expect(Position(lsn=140, at_s=3.0, number=3))
    progress.reached(149)
    assert progress.serves(3, 3.0)


def test_a_replica_that_stands_still_keeps_few_positions() -> None:
    progress = Replayed()
    for number in range(1, 10_000):
        progress.expect(Position(number, float(number), number))
    progress.reached(10**9)
    assert progress.number == 128


def test_the_header_of_a_page_is_no_record() -> None:
    page, segment = 8192, 2**24
    assert end_of_record(5 * segment + 40, page, segment) == 5 * segment
    assert end_of_record(5 * segment + 24, page, segment) == 5 * segment + 24
    assert end_of_record(5 * segment + 3 * page + 24, page, segment) == 5 * segment + 3 * page
    assert end_of_record(5 * segment + 3 * page + 40, page, segment) == 5 * segment + 3 * page + 40
