"""Facts about valid, invalid and similar namespaces."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, Op, PutOp, SearchOp

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .hostile import TEXTS
from .items import existing, refused

SPACE = ("facts", "labels")

BAD_LABELS: dict[str, Any] = {
    "empty": ("a", ""),
    "period": ("a.b",),
    "NUL": ("a", "b\x00"),
    "number": ("a", 1),
    "None": (None,),
    "bytes": (b"a",),
}


@fact_of_each(BAD_LABELS)
async def methods_refuse_a_bad_label(store: Driver, namespace: Any) -> None:
    """Every method raises `ValueError` for a label that is empty, no string, or has `.` or NUL."""
    await refused(store.put(namespace, "k", {}), "abel")
    await refused(store.get(namespace, "k"), "abel")
    await refused(store.delete(namespace, "k"), "abel")
    await refused(store.search(namespace), "abel")
    await refused(store.list_namespaces(prefix=namespace), "abel")
    await refused(store.list_namespaces(suffix=namespace), "abel")
    assert await store.search(()) == []


@fact_of_each(BAD_LABELS)
async def batches_refuse_a_bad_label(store: Driver, namespace: Any) -> None:
    """A batch checks the labels of its operations like the methods check theirs."""
    operations: list[Op] = [
        PutOp(namespace, "k", {}),
        PutOp(namespace, "k", None),
        GetOp(namespace, "k"),
        SearchOp(namespace),
        ListNamespacesOp((MatchCondition("prefix", namespace),)),
        ListNamespacesOp((MatchCondition("suffix", namespace),)),
    ]
    for operation in operations:
        await refused(store.batch([operation]), "abel")
    assert await store.search(()) == []


@fact
async def a_label_with_a_lone_surrogate_is_refused(store: Driver) -> None:
    """A put with a lone surrogate in a label raises `ValueError`."""
    await refused(store.put(("a\ud800",), "k", {}), "surrogate")
    assert await store.search(()) == []


@fact
async def nothing_is_put_into_the_empty_namespace(store: Driver) -> None:
    """A put into `()` raises `ValueError`."""
    await refused(store.put((), "k", {}), "amespace")
    assert await store.search(()) == []


@fact
async def no_batch_puts_into_the_empty_namespace(store: Driver) -> None:
    """A batch that puts into `()` raises `ValueError`."""
    await refused(store.batch([PutOp((), "k", {})]), "amespace")
    assert await store.search(()) == []


@fact
async def the_root_label_langgraph_is_reserved(store: Driver) -> None:
    """A put into a namespace whose first label is "langgraph" raises `ValueError`."""
    await refused(store.put(("langgraph", "a"), "k", {}), "langgraph")
    assert await store.search(()) == []


@fact
async def the_root_label_is_reserved_in_batches_too(store: Driver) -> None:
    """A batch that puts into a namespace whose first label is "langgraph" raises `ValueError`."""
    await refused(store.batch([PutOp(("langgraph", "a"), "k", {})]), "langgraph")
    assert await store.search(()) == []


@fact
async def only_the_first_label_is_reserved(store: Driver) -> None:
    """`("a", "langgraph")` and `("langgraphs",)` are valid namespaces."""
    for namespace in (("a", "langgraph"), ("langgraphs",)):
        await store.put(namespace, "k", {})
        assert (await existing(store, namespace, "k")).namespace == namespace


@fact
async def the_reserved_namespace_may_be_read(store: Driver) -> None:
    """A get or a search in the reserved namespace finds nothing and raises no error."""
    assert await store.get(("langgraph",), "k") is None
    assert await store.search(("langgraph",)) == []


@fact_of_each(TEXTS)
async def a_label_is_any_text(store: Driver, label: str) -> None:
    """Items are read, found and listed under their label, whatever text the label is."""
    namespace = (*SPACE, label, "below")
    await store.put(namespace, "k", {"label": label})
    await store.put((*SPACE, "other", "below"), "k", {})
    assert (await existing(store, namespace, "k")).namespace == namespace
    assert [item.namespace for item in await store.search(namespace[:-1])] == [namespace]
    assert namespace in await store.list_namespaces(prefix=SPACE)
    assert [n for n in await store.list_namespaces(prefix=namespace[:-1]) if n == namespace]
    await store.delete(namespace, "k")
    assert await store.get(namespace, "k") is None


@fact
async def labels_do_not_run_together(store: Driver) -> None:
    """Different namespaces and keys are different items, whatever characters join them."""
    addresses = [
        (("a", "b"), "c"),
        (("a:b",), "c"),
        (("a",), "b:c"),
        (("a", "b:c"), "d"),
        (("a", "b"), "c:d"),
        (("a/b",), "c"),
        (("a", "b%3Ac"), "d"),
        (("a%3Ab",), "c"),
        (("a|b",), "c"),
        (("a,b",), "c"),
        (("a\x01b",), "c"),
        (("a\x02", "b"), "c"),
    ]
    await store.batch([PutOp(space, key, {"n": n}) for n, (space, key) in enumerate(addresses)])
    for number, (space, key) in enumerate(addresses):
        assert (await existing(store, space, key)).value == {"n": number}
    found = await store.search((), limit=100)
    assert sorted((item.namespace, item.key) for item in found) == sorted(addresses)


@fact
async def labels_are_compared_exactly(store: Driver) -> None:
    """NamespaceTuple that differ in case, spaces or Unicode form are different labels."""
    labels = ["a", "A", " a", "a ", "é", "e\u0301", "ß", "ss", "ﬁ", "fi"]
    await store.batch([PutOp((*SPACE, label), "k", {"label": label}) for label in labels])
    for label in labels:
        assert (await existing(store, (*SPACE, label), "k")).value == {"label": label}


@fact
async def a_namespace_may_have_many_labels(store: Driver) -> None:
    """A namespace may have thirty labels."""
    namespace = tuple(f"level {number}" for number in range(30))
    await store.put(namespace, "k", {})
    assert [item.namespace for item in await store.search(namespace[:7])] == [namespace]
