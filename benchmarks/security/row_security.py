"""The price of row level security: the application's role against the owner's, on one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from tests.support.faults import dsn_of

from ..bench import Bench, event_loop
from ..harness import Goal, Result
from .pricing import Pricing, fill, of_users, opened

_ROLE = "benchmarked_application"
_GOALS = {
    ("get", 1): Goal(at_most=1.25),
    ("get", 256): Goal(at_most=1.1),
    ("search by words", 1): Goal(at_most=1.15),
    ("search by words", 64): Goal(at_most=1.15),
    ("put", 1): Goal(at_most=1.15),
    ("put", 256): Goal(at_most=1.15),
}


def row_security(bench: Bench) -> Iterator[Result]:
    """Measure the same tables by both roles."""
    dsn = bench.new_database("row_security")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {_ROLE} LOGIN".encode())
    with ExitStack() as stack:
        plain = stack.enter_context(opened(bench, dsn))
        fill(dsn, plain)
        plain.setup(row_security=True, application_role=_ROLE)
        dear = stack.enter_context(opened(bench, dsn_of(dsn, user=_ROLE)))
        loop = stack.enter_context(event_loop())
        priced = Pricing(bench, "row security", dsn, loop, of_users(dear), of_users(plain))
        yield from priced.usual(_GOALS)
