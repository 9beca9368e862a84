"""Which operations may write what others read."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore.runtime.jobs.maintenance import READY, SWEEP
from langgraph_agentstore.sql.shared_items import OfView, changes_items
from langgraph_agentstore.sql.statement import Delete, Get, Operation, Query, Queue, Statement

ITEM = ("ann", "notes", "k")
READ: Get[Any] = Get(ITEM, ("notes",), refresh=False)


def in_queue(queue: Queue) -> Statement[Any]:
    return Statement("SELECT 1", (), lambda rows: rows[0][0], queue=queue)


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (READ, False),
        (OfView("ann", READ, lambda _: READ), False),
        (Query(None, lambda *_: in_queue(Queue.SHARED)), False),
        (in_queue(Queue.EQUAL_READS), False),
        (in_queue(Queue.ALONE), True),
        (Delete(ITEM), True),
        (OfView("ann", Delete(ITEM), lambda _: Delete(ITEM), writes=True), True),
        (READY, False),
        (SWEEP, True),
    ],
)
def test_reads_are_told_from_what_may_write(operation: Operation[Any], changes: bool) -> None:
    assert changes_items(operation) is changes
