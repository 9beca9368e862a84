"""Update, load, walk and compare-and-set, where others write too or an argument is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DatabaseError, InvalidOperationError, VersionConflictError
from tests.support.faults import refuse_values_with


async def test_an_update_does_not_take_a_new_item_for_the_old_one(store: AgentStore) -> None:
    await store.aput(("a",), "k", {"n": 1})
    seen: list[Any] = []

    def once_replaced_under_it(value: dict[str, Any] | None) -> dict[str, Any]:
        seen.append(value)
        if len(seen) == 1:  # somebody else deletes the item and puts another in its place
            store.delete(("a",), "k")
            store.put(("a",), "k", {"n": 100})
        return {"n": (value or {"n": 0})["n"] + 1}

    assert store.update(("a",), "k", once_replaced_under_it) == {"n": 101}
    assert seen == [{"n": 1}, {"n": 100}]


async def test_a_walk_is_checked_where_it_is_asked_for(store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="page_size"):
        store.iter_items(page_size=0)
    with pytest.raises(InvalidOperationError, match="page_size"):
        store.aiter_items(page_size=2**70)


async def test_a_load_that_fails_on_the_way_says_how_far_it_came(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.asetup()
    refuse_values_with(postgres_dsn, schema_name, "refused")
    values: list[dict[str, Any]] = [{"n": 0}, {"n": 1}, {"n": 2}, {"refused": 3}]
    with pytest.raises(DatabaseError, match=r"the first 2 items are written"):
        await store.aload(
            [(("a",), f"k{n}", value) for n, value in enumerate(values)], batch_size=2
        )
    assert await store.acount(("a",)) == 2


async def test_a_version_conflict_says_what_was_expected(store: AgentStore) -> None:
    await store.aput(("a",), "k", {"n": 1})
    with pytest.raises(VersionConflictError) as raised:
        await store.aput(("a",), "k", {"n": 2}, expected_version=7)
    assert raised.value.expected == 7
