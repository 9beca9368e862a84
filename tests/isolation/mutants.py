"""Faults of the worst kind, planted in the package: whoever plants one must see it found."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from langgraph_agentstore.model.users import UserScope
from langgraph_agentstore.runtime import batch_statements, equal_reads, session, write_queue
from langgraph_agentstore.sql import region_condition
from langgraph_agentstore.sql.copies_of_rows import CopiesOfRows
from langgraph_agentstore.sql.items import records
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import Statement
from langgraph_agentstore.store import user_views

SHARE = 0.02

Plant = Callable[[pytest.MonkeyPatch, random.Random], None]


def gets_one_off(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Each get of some batches has the answer of the one beside it."""
    decode = batch_statements.decode_gets  # type: ignore[attr-defined]

    def wrong(*given: Any) -> Any:
        read = decode(*given)
        return replace(read, items=rotated(read.items)) if chance.random() < SHARE else read

    patch.setattr(batch_statements, "decode_gets", wrong)


def large_values_of_another(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """A large value, which is read apart, is that of the one read apart before."""
    plan = session.plan_get_alone  # type: ignore[attr-defined]
    before: list[Any] = []

    def wrong(get: Any, context: Any) -> Any:
        asked = before.pop() if before else get
        before[:] = [get]
        return plan(asked, context)

    patch.setattr(session, "plan_get_alone", wrong)


def searches_one_off(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """The same for statements that travel together, more often: few batches have several texts."""
    decode = batch_statements.decode_lateral_batch  # type: ignore[attr-defined]

    def wrong(statements: Any, places: Sequence[int], *given: Any) -> Any:
        places = rotated(places) if chance.random() < SHARE * 10 else places
        return decode(statements, places, *given)

    patch.setattr(batch_statements, "decode_lateral_batch", wrong)


def answers_of_another_ticket(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Some are given what was for the one before them."""
    answer = session.Session._answer
    before: list[Any] = []

    def wrong(self: Any, entry: Any, decoded: Any) -> None:
        given = before.pop() if before and chance.random() < SHARE else decoded
        before[:] = [decoded]
        answer(self, entry, given if type(given.result) is type(decoded.result) else decoded)

    patch.setattr(session.Session, "_answer", wrong)


def reads_taken_for_equal(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Reads of one text share a run, whatever their arguments, and for whom they are."""
    key = equal_reads.read_key  # type: ignore[attr-defined]

    def wrong(statement: Statement[Any], users: Any) -> Any:
        return statement.sql if chance.random() < SHARE * 5 else key(statement, users)

    patch.setattr(equal_reads, "read_key", wrong)


def one_copy_for_all(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Those who share a read are all given the same objects."""
    patch.setattr(CopiesOfRows, "next", lambda self: self._rows)


def searches_of_everybody(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Some searches forget whose items they are for."""
    plan = Planner.search

    def wrong(self: Planner, op: Any) -> Any:
        planned = plan(self, op)
        if not isinstance(planned, Statement) or chance.random() >= SHARE:
            return planned
        return replace(planned, sql=planned.sql.replace("i.user_id = $3", "$3::text <> ''"))

    patch.setattr(Planner, "search", wrong)


def regions_of_everybody(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """The same for what names a region: searches by words, counts, what is removed."""
    condition = region_condition._user

    def wrong(user_id: str | None, arguments: list[Any], alias: str) -> str:
        right = condition(user_id, arguments, alias)
        forgets = user_id is not None and chance.random() < SHARE
        return f"${len(arguments)}::text <> ''" if forgets else right

    patch.setattr(region_condition, "_user", wrong)


def records_of_everybody(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """The same for reads of `data_store` other than of one value, more often: they are fewer."""
    read = records._equal_read

    def wrong(sql: str, *others: Any) -> Any:
        forgets = chance.random() < SHARE * 5
        return read(sql.replace("i.user_id = $1", "$1::text <> ''") if forgets else sql, *others)

    patch.setattr(records, "_equal_read", wrong)


def views_of_another(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """One of 200 calls of a view is made for the user of the call before."""
    before: list[Planner] = []

    def wrong(self: user_views.UserStore) -> Planner:
        own = vars(self)["planner"]
        planner = before.pop() if before and chance.random() < 1 / 200 else own
        before[:] = [own]
        return planner

    def keep(self: user_views.UserStore, planner: Planner) -> None:
        vars(self)["planner"] = planner

    patch.setattr(user_views.UserStore, "planner", property(wrong, keep), raising=False)


def graphs_of_another(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Some calls of graphs that name no user, so more often, are for the user before."""
    user_of_graph = user_views.running_user  # type: ignore[attr-defined]
    before: list[str] = []

    def wrong() -> str:
        own: str = user_of_graph()
        user = before.pop() if before and chance.random() < SHARE * 5 else own
        before[:] = [own]
        return user

    patch.setattr(user_views, "running_user", wrong)


def writes_to_a_neighbour(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Some batches of puts write each value where the one beside it belongs."""
    statement = write_queue.put_statement  # type: ignore[attr-defined]

    def wrong(puts: Sequence[Any], context: Any) -> Any:
        if chance.random() < SHARE:
            values = rotated([put.value for put in puts])
            puts = [replace(put, value=value) for put, value in zip(puts, values, strict=True)]
        return statement(puts, context)

    patch.setattr(write_queue, "put_statement", wrong)


def ids_cut_short(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Users whose ids begin alike, up to a colon, have one place."""
    address = UserScope.address

    def wrong(self: UserScope, labels: Any) -> Any:
        right = address(self, labels)
        return replace(right, user_id=right.user_id.partition(":")[0] or right.user_id)

    patch.setattr(UserScope, "address", wrong)


MUTANTS: tuple[Plant, ...] = (
    gets_one_off,
    large_values_of_another,
    searches_one_off,
    answers_of_another_ticket,
    reads_taken_for_equal,
    one_copy_for_all,
    searches_of_everybody,
    regions_of_everybody,
    records_of_everybody,
    views_of_another,
    graphs_of_another,
    writes_to_a_neighbour,
    ids_cut_short,
)


def rotated(values: Sequence[Any]) -> list[Any]:
    return [*values[1:], *values[:1]]
