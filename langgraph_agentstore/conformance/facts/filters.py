"""Facts about the filters of search."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import PutOp

from ..drivers import Driver
from ..fact import fact_of_each
from .items import refused

SPACE = ("facts", "filters")

FILTERED_ITEMS: dict[str, dict[str, Any]] = {
    "two": {
        "rank": 2,
        "score": 2,
        "tags": ["a", "b"],
        "who": {"name": "Ann", "langs": {"first": "de"}},
    },
    "nine": {"rank": 9, "score": 9, "tags": ["b", "a"], "who": {"name": "Bob"}, "done": True},
    "ten": {"rank": 10, "score": 10, "tags": [], "who": {}, "done": False},
    "hundred": {"rank": 100.5, "score": 100.5, "who": None, "note": "ten of them"},
    "text": {"rank": -1, "score": "9", "tags": "ab", "day": "2024-05-01"},
    "none": {"rank": 0, "score": None, "day": "2024-10-01", "tags": [["a"], {"id": 1, "x": 2}]},
    "bare": {"rank": 7, "done": 1, "who.name": "Cid", "it's": "quoted"},
    "big": {"rank": 8, "score": 2**53 + 1},
}
ALL = set(FILTERED_ITEMS)

CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    # LangGraph's own: equality and the six operators.
    "no condition": ({}, ALL),
    "equal number": ({"score": 9}, {"nine"}),
    "equal text": ({"score": "9"}, {"text"}),
    "equal boolean": ({"done": True}, {"nine"}),
    "equal number, not boolean": ({"done": 1}, {"bare"}),
    "int equals float": ({"score": 10.0}, {"ten"}),
    "two fields": ({"score": 9, "done": True}, {"nine"}),
    "two fields, one wrong": ({"score": 9, "done": False}, set()),
    "unknown field": ({"absent": 1}, set()),
    "None: null or missing": ({"score": None}, {"none", "bare"}),
    "equal list": ({"tags": ["a", "b"]}, {"two"}),
    "equal empty list": ({"tags": []}, {"ten"}),
    "part of an object": ({"who": {"name": "Ann"}}, {"two"}),
    "part of a nested object": ({"who": {"langs": {"first": "de"}}}, {"two"}),
    "quote in a field": ({"it's": "quoted"}, {"bare"}),
    "exact above 2**53": ({"score": 2**53}, set()),
    "$eq": ({"score": {"$eq": 9}}, {"nine"}),
    "$eq None": ({"who": {"$eq": None}}, {"hundred", "text", "none", "bare", "big"}),
    "$ne": ({"score": {"$ne": 9}}, ALL - {"nine"}),
    "$ne of a missing field": ({"done": {"$ne": True}}, ALL - {"nine"}),
    "$gt": ({"score": {"$gt": 9}}, {"ten", "hundred", "big"}),
    "$gte": ({"score": {"$gte": 9}}, {"nine", "ten", "hundred", "big"}),
    "$lt": ({"score": {"$lt": 10}}, {"two", "nine"}),
    "$lte": ({"score": {"$lte": 10}}, {"two", "nine", "ten"}),
    "$gt above 2**53": ({"score": {"$gt": 2**53}}, {"big"}),
    "$gt of text": ({"day": {"$gt": "2024-09-30"}}, {"none"}),
    "$lt of text": ({"score": {"$lt": "91"}}, {"text"}),
    "range": ({"score": {"$gt": 2, "$lte": 10}}, {"nine", "ten"}),
    "$gt of numbers only": ({"rank": {"$gt": 9}}, {"ten", "hundred"}),
    "$gte of numbers only": ({"rank": {"$gte": 9}}, {"nine", "ten", "hundred"}),
    "$lt of numbers only": ({"rank": {"$lt": 7}}, {"two", "text", "none"}),
    "$lte of numbers only": ({"rank": {"$lte": 7.0}}, {"two", "text", "none", "bare"}),
    "range of numbers only": ({"rank": {"$gt": 7, "$lte": 9, "$ne": 8}}, {"nine"}),
    "operator below a field": ({"who": {"name": {"$gte": "B"}}}, {"nine"}),
    # Beyond LangGraph's own.
    "$in": ({"score": {"$in": [2, "9", None]}}, {"two", "text", "none", "bare"}),
    "$in nothing": ({"score": {"$in": []}}, set()),
    "$nin": ({"score": {"$nin": [2, 9, 10]}}, ALL - {"two", "nine", "ten"}),
    "$exists": ({"score": {"$exists": True}}, ALL - {"bare"}),
    "$exists not": ({"score": {"$exists": False}}, {"bare"}),
    "$contains an element": ({"tags": {"$contains": "a"}}, {"two", "nine", "text"}),
    "$contains elements": ({"tags": {"$contains": ["b", "a"]}}, {"two", "nine"}),
    "$contains an object": ({"tags": {"$contains": {"id": 1, "x": 2}}}, {"none"}),
    "$contains a substring": ({"note": {"$contains": "of th"}}, {"hundred"}),
    "$contains pairs": ({"who": {"$contains": {"name": "Bob"}}}, {"nine"}),
    "$and": ({"$and": [{"score": {"$gt": 2}}, {"done": True}]}, {"nine"}),
    "$or": ({"$or": [{"score": 2}, {"done": False}]}, {"two", "ten"}),
    "$or of nothing": ({"$or": []}, set()),
    "$not": ({"$not": {"score": {"$gt": 2}}}, {"two", "text", "none", "bare"}),
    "$not of a field": ({"score": {"$not": {"$gt": 2}}}, {"two", "text", "none", "bare"}),
    "$and in $or": (
        {"$or": [{"$and": [{"score": 9}, {"done": True}]}, {"score": 2}]},
        {"two", "nine"},
    ),
    "path": ({"who.langs.first": "de"}, {"two"}),
    "path, or the key with dots": ({"who.name": {"$exists": True}}, {"two", "nine", "bare"}),
}

WITHOUT_MEANING: dict[str, dict[str, Any]] = {
    "unknown operator": {"score": {"$near": 9}},
    "unknown operator at the top": {"$nor": [{"score": 9}]},
    "operator and field": {"score": {"$gt": 1, "name": 2}},
    "order of None": {"score": {"$gt": None}},
    "$in of no list": {"score": {"$in": 9}},
    "$and of no list": {"$and": {"score": 9}},
    "operand that is not JSON": {"score": {"$eq": float("nan")}},
}


@fact_of_each(CASES)
async def a_filter_selects_items(store: Driver, case: tuple[dict[str, Any], set[str]]) -> None:
    """Equality, partial objects, operators and paths select the items that the reference says."""
    filter, expected = case
    await store.batch([PutOp(SPACE, key, value) for key, value in FILTERED_ITEMS.items()])
    assert {item.key for item in await store.search(SPACE, filter=filter)} == expected


@fact_of_each(WITHOUT_MEANING)
async def a_filter_without_meaning_is_refused(store: Driver, filter: dict[str, Any]) -> None:
    """An invalid filter raises `ValueError`; it does not match nothing or everything."""
    await store.batch([PutOp(SPACE, key, value) for key, value in FILTERED_ITEMS.items()])
    await refused(store.search(SPACE, filter=filter))
