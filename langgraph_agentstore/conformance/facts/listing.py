"""Facts about listing namespaces."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import ListNamespacesOp, MatchCondition, PutOp

from ..drivers import Driver, NamespaceTuple
from ..fact import fact, fact_of_each
from .items import refused

TREE: list[NamespaceTuple] = [
    ("a",),
    ("a", "b"),
    ("a", "b", "c"),
    ("a", "b", "d", "e"),
    ("a", "x", "c"),
    ("b", "b", "c"),
    ("users", "alice"),
    ("users", "alice", "files"),
    ("users", "bob", "files", "c"),
]


async def plant(store: Driver, namespaces: list[NamespaceTuple]) -> None:
    """Put one item into each namespace."""
    await store.batch([PutOp(namespace, "k", {}) for namespace in namespaces])


@fact
async def namespaces_are_listed_once_each_in_order(store: Driver) -> None:
    """Each namespace is listed once, however many items it has; the order is that of tuples."""
    await plant(store, TREE[::-1])
    await store.batch([PutOp(("a", "b"), str(number), {}) for number in range(5)])
    assert await store.list_namespaces() == TREE


@fact
async def an_empty_store_has_no_namespaces(store: Driver) -> None:
    """An empty store lists `[]`, with or without conditions."""
    assert await store.list_namespaces() == []
    assert await store.list_namespaces(prefix=("a",), max_depth=1) == []
    assert await store.list_namespaces(max_depth=0) == []


@fact
async def a_namespace_without_items_is_not_listed(store: Driver) -> None:
    """A namespace is not listed if its items were deleted or are all in namespaces below it."""
    await plant(store, [("a", "b", "c"), ("d",)])
    await store.delete(("d",), "k")
    assert await store.list_namespaces() == [("a", "b", "c")]


@fact
async def the_order_is_that_of_tuples_not_of_text(store: Driver) -> None:
    """`("a", "b")` comes before `("a-b",)`, however the store joins labels."""
    namespaces: list[NamespaceTuple] = [
        ("a",),
        ("a", "b"),
        ("a", "é"),
        ("a\x01",),
        ("a!",),
        ("a!", "b"),
        ("a-b",),
        ("a1",),
        ("aB",),
        ("a_",),
        ("ab",),
        ("B",),
        ("é",),
        ("🙂",),
    ]
    await plant(store, namespaces)
    assert await store.list_namespaces() == sorted(namespaces)


CONDITIONS: dict[str, tuple[dict[str, NamespaceTuple], list[NamespaceTuple]]] = {
    "prefix": ({"prefix": ("a", "b")}, [TREE[1], TREE[2], TREE[3]]),
    "prefix of one label": ({"prefix": ("users",)}, TREE[6:]),
    "prefix of all labels": ({"prefix": ("users", "alice", "files")}, [TREE[7]]),
    "prefix beyond": ({"prefix": ("users", "alice", "files", "c")}, []),
    "suffix": ({"suffix": ("c",)}, [TREE[2], TREE[4], TREE[5], TREE[8]]),
    "suffix of two labels": ({"suffix": ("b", "c")}, [TREE[2], TREE[5]]),
    "suffix of all labels": ({"suffix": ("a", "x", "c")}, [TREE[4]]),
    "suffix beyond": ({"suffix": ("x", "a", "x", "c")}, []),
    "both": ({"prefix": ("a",), "suffix": ("c",)}, [TREE[2], TREE[4]]),
    "both, overlapping": ({"prefix": ("a", "b"), "suffix": ("b", "c")}, [TREE[2]]),
    "both, one label": ({"prefix": ("a",), "suffix": ("a",)}, [TREE[0]]),
    "empty": ({"prefix": (), "suffix": ()}, TREE),
    "wildcard first": ({"prefix": ("*", "b")}, [TREE[1], TREE[2], TREE[3], TREE[5]]),
    "wildcard between": ({"prefix": ("a", "*", "c")}, [TREE[2], TREE[4]]),
    "wildcard last": ({"prefix": ("a", "*")}, TREE[1:5]),
    "wildcards only": ({"prefix": ("*", "*", "*", "*")}, [TREE[3], TREE[8]]),
    "wildcard for the user": ({"prefix": ("users", "*", "files")}, [TREE[7], TREE[8]]),
    "wildcard in suffix": ({"suffix": ("b", "*")}, [TREE[2], TREE[5]]),
    "wildcard first in suffix": ({"suffix": ("*", "c")}, [TREE[2], TREE[4], TREE[5], TREE[8]]),
    "wildcards in both": ({"prefix": ("*", "b"), "suffix": ("*", "c")}, [TREE[2], TREE[5]]),
}


@fact_of_each(CONDITIONS)
async def conditions_select_namespaces(
    store: Driver, case: tuple[dict[str, NamespaceTuple], list[NamespaceTuple]]
) -> None:
    """Prefix and suffix match whole labels, `*` matches any one label, and both must match."""
    conditions, expected = case
    await plant(store, TREE)
    assert await store.list_namespaces(**conditions) == expected


@fact
async def an_operation_may_have_many_conditions(store: Driver) -> None:
    """A namespace is listed if it meets all conditions of the operation."""
    await plant(store, TREE)
    conditions = (
        MatchCondition("prefix", ("*", "b")),
        MatchCondition("prefix", ("a",)),
        MatchCondition("suffix", ("c",)),
        MatchCondition("suffix", ("*", "*")),
    )
    assert await store.batch([ListNamespacesOp(conditions)]) == [[("a", "b", "c")]]


@fact
async def an_unknown_condition_is_refused(store: Driver) -> None:
    """A match type other than prefix and suffix raises `ValueError`."""
    await plant(store, TREE)
    condition = MatchCondition("infix", ("a",))  # type: ignore[arg-type]
    await refused(store.batch([ListNamespacesOp((condition,))]), "infix")


@fact_of_each({"plus": "a+b", "star": "a*b", "brackets": "[ab]", "percent": "a%", "anchor": "^a$"})
async def labels_in_conditions_are_literal(store: Driver, label: str) -> None:
    """Only the label `*` is a wildcard; any other pattern is literal."""
    await plant(store, [(label,), ("x", label), ("aab",), ("x", "aab"), ("a",), ("x", "a")])
    assert await store.list_namespaces(prefix=(label,)) == [(label,)]
    assert await store.list_namespaces(suffix=("x", label)) == [("x", label)]
    assert await store.list_namespaces(prefix=("*", label)) == [("x", label)]


DEPTHS: dict[str, tuple[int, list[NamespaceTuple]]] = {
    "0": (0, [()]),
    "1": (1, [("a",), ("b",), ("users",)]),
    "2": (
        2,
        [("a",), ("a", "b"), ("a", "x"), ("b", "b"), ("users", "alice"), ("users", "bob")],
    ),
    "9": (9, TREE),
}


@fact_of_each(DEPTHS)
async def max_depth_truncates(store: Driver, case: tuple[int, list[NamespaceTuple]]) -> None:
    """Longer namespaces are truncated and listed once; a depth of 0 gives `()`."""
    depth, expected = case
    await plant(store, TREE)
    assert await store.list_namespaces(max_depth=depth) == expected


@fact
async def conditions_are_about_whole_namespaces(store: Driver) -> None:
    """Conditions apply to namespaces before truncation."""
    await plant(store, TREE)
    assert await store.list_namespaces(suffix=("c",), max_depth=1) == [("a",), ("b",), ("users",)]
    assert await store.list_namespaces(prefix=("a", "b"), max_depth=1) == [("a",)]
    assert await store.list_namespaces(prefix=("*", "b"), max_depth=2) == [("a", "b"), ("b", "b")]


@fact_of_each({"whole": None, "truncated": 2})
async def pages_of_namespaces_are_disjoint_and_complete(store: Driver, depth: Any) -> None:
    """Limit and offset count namespaces after truncation."""
    await plant(store, TREE)
    whole = await store.list_namespaces(max_depth=depth)
    for size in (1, 2, 5):
        pages = [
            await store.list_namespaces(max_depth=depth, limit=size, offset=offset)
            for offset in range(0, 12, size)
        ]
        assert [namespace for page in pages for namespace in page] == whole
        assert all(len(page) <= size for page in pages)


@fact
async def a_hundred_namespaces_are_listed_unless_said(store: Driver) -> None:
    """The default limit of a listing is 100."""
    await plant(store, [("a", f"{number:03}") for number in range(120)])
    assert await store.list_namespaces() == [("a", f"{number:03}") for number in range(100)]
    assert len(await store.list_namespaces(limit=1000)) == 120


@fact
async def a_limit_of_zero_lists_nothing(store: Driver) -> None:
    """`limit=0` returns `[]`."""
    await plant(store, TREE)
    assert await store.list_namespaces(limit=0) == []


@fact_of_each({"limit": "limit", "offset": "offset", "max_depth": "max_depth"})
async def negative_numbers_are_refused_by_listings(store: Driver, name: str) -> None:
    """A limit, offset or depth below 0 raises `ValueError`."""
    await plant(store, TREE)
    await refused(store.list_namespaces(**{name: -1}), name)
