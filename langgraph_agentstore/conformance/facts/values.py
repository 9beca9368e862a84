"""Facts about valid values, and invalid ones, which are refused before anything is written."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from langgraph.store.base import PutOp

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .hostile import TEXTS
from .items import BAD_TYPE_OR_VALUE, existing, refused

SPACE = ("facts", "values")

NOT_JSON: dict[str, Any] = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "lone surrogate": "a\ud800b",
    "NUL": "a\x00b",
    "datetime": datetime(2024, 1, 2, tzinfo=timezone.utc),
    "date": datetime(2024, 1, 2, tzinfo=timezone.utc).date(),
    "bytes": b"a",
    "set": {1},
    "UUID": UUID(int=7),
    "Decimal": Decimal("1.5"),
    "complex": 1j,
    "object": object(),
    "function": len,
}

BAD_MEMBERS: dict[str, Any] = {
    "int": 1,
    "None": None,
    "tuple": (1, 2),
    "NUL": "a\x00",
    "lone surrogate": "\udc00",
}

NO_MAPPINGS: dict[str, Any] = {"text": "a", "list": [1], "int": 1, "pairs": [("a", 1)]}


@fact_of_each(TEXTS)
async def a_string_is_kept_exactly(store: Driver, text: str) -> None:
    """Any string is read back unchanged as a value, in a list and as a member name."""
    value = {"text": text, "list": [text], text: {text: text}}
    await store.put(SPACE, "k", value)
    assert (await existing(store, SPACE, "k")).value == value
    (found,) = await store.search(SPACE, filter={"text": text})
    assert found.value == value


@fact
async def json_is_kept_whole(store: Driver) -> None:
    """Nested and empty objects and lists, null, booleans and empty text are read back unchanged."""
    value = {
        "null": None,
        "yes": True,
        "no": False,
        "empty": {"list": [], "object": {}, "text": ""},
        "": "a member without a name",
        "list": [1, "1", 1.5, None, [], {}, [[["deep"]]], {"a": [{"b": None}]}],
    }
    await store.put(SPACE, "k", value)
    assert (await existing(store, SPACE, "k")).value == value


@fact
async def a_value_may_be_deep(store: Driver) -> None:
    """A value with a hundred levels is read back unchanged."""
    value: dict[str, Any] = {"bottom": True}
    for _ in range(50):
        value = {"list": [value]}
    await store.put(SPACE, "k", value)
    assert (await existing(store, SPACE, "k")).value == value


@fact
async def a_value_may_be_large(store: Driver) -> None:
    """A value of two million characters that compress badly is read back unchanged."""
    value = {"text": "".join(f"{number:x}é" for number in range(300_000))}
    await store.put(SPACE, "k", value)
    assert (await existing(store, SPACE, "k")).value == value


@fact
async def a_tuple_is_read_back_as_a_list(store: Driver) -> None:
    """A tuple in a value is read back as a list."""
    await store.put(SPACE, "k", {"t": (1, (2, 3))})
    assert (await existing(store, SPACE, "k")).value == {"t": [1, [2, 3]]}


@fact_of_each(NOT_JSON)
async def what_is_not_json_is_refused(store: Driver, part: Any) -> None:
    """A put of a value that is not JSON raises `TypeError` or `ValueError` and writes nothing."""
    await store.put(SPACE, "k", {"n": 1})
    for value in ({"x": part}, {"x": [part]}, {"x": {"y": {"z": part}}}):
        await refused(store.put(SPACE, "k", value), kinds=BAD_TYPE_OR_VALUE)
        await refused(store.put(SPACE, "new", value), kinds=BAD_TYPE_OR_VALUE)
    assert [(item.key, item.value) for item in await store.search(SPACE)] == [("k", {"n": 1})]


@fact_of_each(NOT_JSON)
async def batches_refuse_what_is_not_json(store: Driver, part: Any) -> None:
    """A batch with a value that is not JSON raises and writes nothing."""
    await refused(
        store.batch([PutOp(SPACE, "good", {"n": 1}), PutOp(SPACE, "bad", {"x": [part]})]),
        kinds=BAD_TYPE_OR_VALUE,
    )
    assert await store.search(SPACE) == []


@fact_of_each(BAD_MEMBERS)
async def a_member_that_no_json_object_has_is_refused(store: Driver, member: Any) -> None:
    """A member name that is not text raises `TypeError` or `ValueError` at every level."""
    for value in ({member: 1}, {"x": {member: 1}}, {"x": [{"y": {member: 1}}]}):
        await refused(store.put(SPACE, "k", value), kinds=BAD_TYPE_OR_VALUE)
    assert await store.search(SPACE) == []


@fact_of_each({"NaN": float("nan"), "NUL": "\x00", "bytes": b"a"})
async def the_message_says_where_the_bad_part_is(store: Driver, part: Any) -> None:
    """The error names the members and positions that lead to the invalid part."""
    await refused(
        store.put(SPACE, "k", {"fine": 1, "outer": ["fine", {"inner": part}]}),
        r"outer.*1.*inner",
        BAD_TYPE_OR_VALUE,
    )


@fact_of_each(NO_MAPPINGS)
async def a_value_is_a_mapping(store: Driver, value: Any) -> None:
    """A put of a value that is not a mapping raises `TypeError` or `ValueError`."""
    await refused(store.put(SPACE, "k", value), kinds=BAD_TYPE_OR_VALUE)
    await refused(store.batch([PutOp(SPACE, "k", value)]), kinds=BAD_TYPE_OR_VALUE)
    assert await store.search(SPACE) == []
