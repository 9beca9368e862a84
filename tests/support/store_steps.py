"""Random sequences of calls, made on a store and on its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from langgraph_agentstore.model.namespaces import Labels
from tests.support.store_model import StoreModel, shown

Strategy: TypeAlias = "st.SearchStrategy[Any]"

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
_HOSTILE = ("\x01", "\x02", "a\x01", "\x02\x03", "'", '"', "\\", "*", "a-b", "~", "é", "שלום", "🙂")
_SEPARATING = ("a", "b", "ab", "a:b", ":", "%", "%3A", "%25")
_MEANING_MORE = ("users", "memories", "alice", "langgraph")
LABELS = st.sampled_from((*_SEPARATING, *_HOSTILE, *_MEANING_MORE)) | TEXT.filter(
    lambda text: text and "." not in text
)
KEYS = st.sampled_from(["k", "K", "k:", ":k", "%3A", "'", "\\", "\x01", "🙂"]) | TEXT.filter(bool)


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a method that store and model have."""

    method: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    def on_model(self, model: StoreModel) -> Any:
        return getattr(model, self.method)(*self.arguments, **self.options)

    def on_store(self, store: Any) -> Any:
        answer = getattr(store, self.method)(*self.arguments, **self.options)
        return shown(list(answer) if self.method == "iter_items" else answer)

    async def awaited_on_store(self, store: Any) -> Any:
        answer = getattr(store, f"a{self.method}")(*self.arguments, **self.options)
        if self.method == "iter_items":
            return shown([item async for item in answer])
        return shown(await answer)

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        return f"{self.method}({', '.join([*map(repr, self.arguments), *options])})"


def count_up(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """An update: one more."""
    return {**(value or {}), "count": (value or {}).get("count", 0) + 1}


def forget(_value: Mapping[str, Any] | None) -> dict[str, Any]:
    """An update: nothing stays."""
    return {}


_NUMBERS = (
    st.integers(-3, 3)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
)
_SCALARS = st.none() | st.booleans() | _NUMBERS | TEXT | st.sampled_from(["a", "b"])
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 3) | _SCALARS,
        "tags": st.lists(st.sampled_from(["a", "b", 1, None]), max_size=3),
        "who": st.fixed_dictionaries({}, optional={"x": st.integers(0, 2)}),
        "any": _JSON,
    },
)
_CONDITIONS = st.one_of(
    st.integers(0, 3),
    st.none(),
    _SCALARS,
    st.builds(
        lambda operator, operand: {operator: operand},
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.integers(0, 3) | _NUMBERS | TEXT,
    ),
    st.builds(lambda operand: {"$ne": operand}, _SCALARS),
    st.builds(lambda operands: {"$in": operands}, st.lists(_SCALARS, max_size=3)),
    st.builds(lambda there: {"$exists": there}, st.booleans()),
)
_PLAIN_FILTERS = st.one_of(
    st.builds(lambda condition: {"n": condition}, _CONDITIONS),
    st.builds(lambda element: {"tags": {"$contains": element}}, st.sampled_from(["a", 1])),
    st.builds(lambda x: {"who.x": x}, st.integers(0, 2)),
    st.builds(lambda x: {"who": {"x": x}}, st.integers(0, 2)),
)
FILTERS = st.one_of(
    st.just({}),
    _PLAIN_FILTERS,
    st.builds(lambda one, other: {"$or": [one, other]}, _PLAIN_FILTERS, _PLAIN_FILTERS),
    st.builds(lambda one: {"$not": one}, _PLAIN_FILTERS),
)
_PAGES = st.fixed_dictionaries(
    {}, optional={"limit": st.integers(0, 5) | st.just(1000), "offset": st.integers(0, 3)}
)


@st.composite
def sequences(draw: st.DrawFn, root: Labels = (), max_size: int = 15) -> list[Step]:
    """Calls on a few addresses at or below `root`, so that they meet; first many are written."""
    addresses, prefixes = draw(_places(root))
    steps = draw(st.lists(_steps(root, addresses, prefixes), max_size=max_size))
    return [draw(_loads(addresses, 12)), *steps]


@st.composite
def writes_and_reads(draw: st.DrawFn) -> tuple[list[Step], list[Step]]:
    """What fills a store, and reads that change nothing, so that they may be made at once."""
    addresses, prefixes = draw(_places(()))
    writes = draw(st.lists(_loads(addresses, 12), min_size=1, max_size=3))
    return writes, draw(st.lists(_reads((), addresses, prefixes), min_size=20, max_size=60))


@st.composite
def _places(draw: st.DrawFn, root: Labels) -> tuple[Strategy, Strategy]:
    """Strategies for addresses and for prefixes that share few labels."""
    labels = draw(_label_pools())
    below = st.lists(st.sampled_from(labels), min_size=1, max_size=4).map(tuple)
    writable = below.filter(lambda one: root or one[0] != "langgraph")
    places = draw(st.lists(writable, min_size=1, max_size=6, unique=True))
    keys = draw(st.lists(KEYS, min_size=1, max_size=5, unique=True))
    addresses = st.tuples(
        st.sampled_from([(*root, *place) for place in places]), st.sampled_from(keys)
    )
    prefixes = st.builds(
        lambda place, depth: (*root, *place[:depth]),
        st.sampled_from(places) | below,
        st.integers(0, 4),
    )
    return addresses, prefixes


def _label_pools() -> Strategy:
    """Few labels, some that merely begin as they do, and those that templates begin with."""
    return st.builds(
        lambda labels, ends, constants: [
            *labels,
            *[label + end for label, end in zip(labels, ends, strict=False)],
            *constants,
        ],
        st.lists(LABELS, min_size=1, max_size=3, unique=True),
        st.lists(st.sampled_from([":", "b", "%3A", "\x01", "\x02", "!", "🙂"]), max_size=2),
        st.lists(st.sampled_from(["users", "memories", "alice"]), max_size=2, unique=True),
    )


def _steps(root: Labels, addresses: Strategy, prefixes: Strategy) -> Strategy:
    put = st.builds(
        lambda address, value, options: Step("put", (*address, value), options),
        addresses,
        VALUES,
        st.sampled_from([{}, {"ttl": 60}, {"ttl": None}]),
    )
    functions = st.sampled_from([count_up, forget])
    updates = st.builds(lambda address, fn: (*address, fn), addresses, functions)
    return st.one_of(
        put,
        put,
        put,
        _calls("delete", addresses),
        _calls("delete_namespace", st.tuples(prefixes.filter(bool))),
        _calls("update", updates),
        _loads(addresses, 4),
        _calls("batch", st.tuples(_batches(root, addresses, prefixes))),
        _reads(root, addresses, prefixes),
        _reads(root, addresses, prefixes),
    )


def _reads(root: Labels, addresses: Strategy, prefixes: Strategy) -> Strategy:
    filtered = st.fixed_dictionaries({}, optional={"filter": FILTERS})
    pages = st.builds(lambda one, other: {**one, **other}, _PAGES, filtered)
    sized = st.builds(lambda one, n: {**one, "page_size": n}, filtered, st.integers(1, 4))
    return st.one_of(
        _calls("get", addresses),
        _calls("search", st.tuples(prefixes), _PAGES),
        _calls("search", st.tuples(prefixes), pages),
        _calls("count", st.tuples(prefixes), filtered),
        _calls("iter_items", st.tuples(prefixes), sized),
        _calls("list_namespaces", st.just(()), _listings(root, prefixes)),
    )


def _calls(method: str, arguments: Strategy, options: Strategy | None = None) -> Strategy:
    return st.builds(
        lambda positional, named: Step(method, tuple(positional), named),
        arguments,
        options if options is not None else st.just({}),
    )


def _loads(addresses: Strategy, max_size: int) -> Strategy:
    items = st.builds(lambda address, value: (*address, value), addresses, VALUES)
    return _calls("load", st.tuples(st.lists(items, max_size=max_size)))


def _distinct(addressed: Strategy) -> Strategy:
    """Writes of different items: what is written at one moment then has one `updated_at`."""
    return st.lists(addressed, max_size=4, unique_by=lambda each: (each[0], each[1]))


def _patterns(root: Labels, prefixes: Strategy) -> Strategy:
    """Prefixes below the root in which some labels are wildcards."""
    return st.builds(
        lambda prefix, wild: tuple(
            "*" if place >= len(root) and place in wild else label
            for place, label in enumerate(prefix)
        ),
        prefixes,
        st.sets(st.integers(0, 5), max_size=2),
    )


def _listings(root: Labels, prefixes: Strategy) -> Strategy:
    more = st.fixed_dictionaries(
        {},
        optional={
            "suffix": st.lists(LABELS | st.just("*"), min_size=1, max_size=2).map(tuple),
            "max_depth": st.integers(0, 5),
        },
    )
    return st.builds(
        lambda prefix, options, page: {"prefix": prefix, **options, **page},
        _patterns(root, prefixes),
        more,
        _PAGES,
    )


def _batches(root: Labels, addresses: Strategy, prefixes: Strategy) -> Strategy:
    writes = _distinct(
        st.builds(
            lambda address, value: PutOp(address[0], address[1], value),
            addresses,
            st.none() | VALUES,
        )
    )
    reads = st.lists(
        st.one_of(
            st.builds(lambda address: GetOp(*address), addresses),
            st.builds(SearchOp, prefixes, FILTERS, st.integers(0, 5), st.integers(0, 2)),
            st.builds(
                lambda path: ListNamespacesOp((MatchCondition("prefix", path),)),
                _patterns(root, prefixes),
            ),
        ),
        max_size=4,
    )
    return st.builds(lambda one, other: [*one, *other], writes, reads).flatmap(st.permutations)
