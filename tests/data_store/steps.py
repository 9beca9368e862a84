"""Random sequences of calls, made on data stores of several users and on their model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st
from langgraph.store.base import Item

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore, DataStore, DataStoreRecord, FoundRecord
from langgraph_agentstore.model.namespaces import Labels, labels_named
from tests.support.data_store_model import DataStoreModel, json_text
from tests.support.store_steps import TEXT

Strategy: TypeAlias = "st.SearchStrategy[Any]"

AGENT = "reader"
TIMELESS = (
    *("user_id", "namespace", "key", "value", "metadata", "created_by_agent"),
    *("last_accessed_by_agent", "access_count", "version"),
)

_STRANGE = (
    "a.b",
    ".",
    "%",
    "%3A",
    "%25",
    " ",
    "שלום",
    "e\u0301",
    "🙂",
    "'",
    '"',
    "\\",
    "\x01",
    "\x02",
)
_LAST = ("\ud7ff", "\ue000", "\uffff", "\U0010ffff", "a\U0010ffff", "a\U0010ffff\U0010ffff")
_MEANING_MORE = ("users", "langgraph", "default", "value", "*", "null", "/", "a/b")
KEYS = st.sampled_from(["a", "A", "ab", "a:b", ":", *_STRANGE, *_LAST]) | TEXT.filter(bool)
NAMESPACES = (
    st.lists(
        st.sampled_from(["", "a", "b", "ab", *_STRANGE, *_LAST, *_MEANING_MORE]) | TEXT,
        min_size=1,
        max_size=4,
    )
    .map(":".join)
    .filter(bool)
)
USERS = KEYS
COINCIDING = (("a:b", "c"), ("a", "b:c"), ("a:b:c", "d"), ("a%3Ab", "c"), ("a", "b%3Ac"))
"""Users and namespaces that are one text when joined."""

# So few digits that a sum is exact as a float, too.
NUMBERS = st.sampled_from([0, 1, -7, 2**40, 0.5, 0.1, -2.25, 1e-7, 12345.678])
_FALSY = st.sampled_from([0, "", False, [], {}, None, 0.0, [None], {"": None}, {"value": 1}])
_LEAVES = st.none() | st.booleans() | TEXT | st.integers(-(2**63), 2**64 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
_NESTED = st.recursive(
    _LEAVES | _FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(TEXT, _NESTED, max_size=3)
JSON = st.one_of(
    _FALSY,
    NUMBERS,
    TEXT,
    MAPPINGS,
    st.lists(_NESTED, max_size=3),
    st.lists(_NESTED, max_size=3).map(tuple),
)
_NO_JSON = st.sampled_from([{1}, b"bytes", [{2}]])


def twice(value: Any) -> Any:
    """An update to something else, whatever there is."""
    return {"twice": [value, value]}


def nothing(_value: Any) -> Any:
    """An update to null, which is no removal."""
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a method of a data store, of a user in a namespace."""

    user: str
    namespace: str
    agent: str | None
    method: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    def on_store(self, store: AgentStore) -> Any:
        proxy = DataStore(store, self.user, self.agent).use_namespace(self.namespace)
        try:
            answer = getattr(proxy, self.method)(*self.arguments, **self.options)
        except (TypeError, ValueError) as error:
            return _kind(error)
        return shown(list(answer) if self.method == "items" else _listed(self.method, answer))

    async def awaited_on_store(self, store: AgentStore) -> Any:
        proxy = AsyncDataStore(store, self.user, self.agent).use_namespace(self.namespace)
        answer = getattr(proxy, self.method)(*self.arguments, **self.options)
        if self.method == "items":
            return shown([item async for item in answer])
        try:
            return shown(_listed(self.method, await answer))
        except (TypeError, ValueError) as error:
            return _kind(error)

    def on_model(self, model: DataStoreModel) -> Any:
        where = (self.user, labels_named(self.namespace), self.agent)
        try:
            answer = getattr(model, self.method)(*where, *self.arguments, **self.options)
            return shown(_listed(self.method, answer))
        except (TypeError, ValueError) as error:
            return _kind(error)


@dataclass(frozen=True, slots=True)
class LangGraphStep:
    """One call of LangGraph's methods, through the user's view or with the whole tuple."""

    user: str
    labels: Labels
    key: str
    value: Any
    method: str
    whole_tuple: bool

    def on_store(self, store: AgentStore) -> Any:
        if self.whole_tuple:
            return self._on(store, ("users", self.user, *self.labels))
        return self._on(store.for_user(self.user), self.labels)

    async def awaited_on_store(self, store: AgentStore) -> Any:
        return self.on_store(store)

    def on_model(self, model: DataStoreModel) -> Any:
        if self.method == "get":
            return shown(model.item(self.user, self.labels, self.key))
        model.put(self.user, self.labels, self.key, self.value if self.method == "put" else None)
        return shown(None)

    def _on(self, view: Any, labels: Labels) -> Any:
        if self.method == "put":
            return shown(view.put(labels, self.key, self.value))
        return shown(getattr(view, self.method)(labels, self.key))


def shown(answer: Any) -> bytes:
    """An answer as JSON text; of a record what does not depend on the clock."""
    if isinstance(answer, Item):
        answer = answer.value
    if isinstance(answer, DataStoreRecord):
        answer = {name: getattr(answer, name) for name in TIMELESS}
    if isinstance(answer, dict) and answer.get("created_by_agent", "") is None:
        # LangGraph's methods name no agent: one who touched an earlier record may be told of.
        answer = {**answer, "last_accessed_by_agent": None}
    if isinstance(answer, list) and answer and isinstance(answer[0], FoundRecord):
        answer = sorted([(f.namespace, f.key, f.value) for f in answer], key=json_text)
    return json_text(answer)


def _listed(method: str, answer: Any) -> Any:
    """Of the dicts that these return the order counts, too; that within values is Postgres's."""
    return list(answer.items()) if method in ("get_many", "get_all") else answer


def _kind(error: Exception) -> str:
    return "TypeError" if isinstance(error, TypeError) else "ValueError"


@st.composite
def sequences(draw: st.DrawFn) -> list[Step | LangGraphStep]:
    """Calls on few users, namespaces and keys, so that they meet; first many are written."""
    users = draw(st.lists(USERS, min_size=2, max_size=2, unique=True))
    namespaces = draw(st.lists(NAMESPACES, min_size=1, max_size=2, unique=True))
    namespaces.append(f"{namespaces[0]}:x")
    near = st.tuples(st.sampled_from(users), st.sampled_from(namespaces))
    places = draw(st.lists(near | st.sampled_from(COINCIDING), min_size=1, max_size=3))
    keys = draw(st.lists(KEYS, min_size=1, max_size=2, unique=True))
    keys += [keys[0] + end for end in draw(st.lists(KEYS, max_size=1))]
    # All with a name or none: who is named at a record is then always one of its own.
    agent = draw(st.sampled_from([AGENT, AGENT, None]))
    first = [Step(*at, agent, "set_many", (draw(_items(keys)),), {}) for at in places]
    reads = _reads(keys)
    steps = st.one_of(_writes(keys), _writes(keys), _changes(keys), reads, reads, _call("flush"))
    calls = st.builds(
        lambda at, call: Step(at[0], at[1], agent, *call), st.sampled_from(places), steps
    )
    mixed = st.one_of(calls, calls, calls, _langgraph(places, keys))
    return [*first, *draw(st.lists(mixed, min_size=5, max_size=25))]


def _items(keys: list[str]) -> Strategy:
    items = st.dictionaries(st.sampled_from(keys), JSON, max_size=5)
    return items | items.map(lambda found: list(found.items()))


def _call(method: str, *arguments: Strategy, **options: Strategy) -> Strategy:
    return st.tuples(
        st.just(method), st.tuples(*arguments), st.fixed_dictionaries({}, optional=options)
    )


def _writes(keys: list[str]) -> Strategy:
    key = st.sampled_from(keys)
    metadata = st.dictionaries(st.sampled_from("ab"), NUMBERS | JSON, min_size=1, max_size=2)
    options = {"metadata": metadata | st.none() | st.just({}), "ttl": st.sampled_from([None, 60])}
    bad = st.builds(lambda first, no_json: [(first, 1), (keys[0], no_json)], key, _NO_JSON)
    return st.one_of(
        _call("set", key, JSON, **options),
        _call("set", key, NUMBERS, metadata),
        _call("set", key, _NO_JSON),
        _call("set_many", _items(keys), **options),
        _call("set_many", bad),
        _call("set_if_absent", key, JSON, **options),
        _call("delete", key),
        _call("clear"),
    )


def _changes(keys: list[str]) -> Strategy:
    key = st.sampled_from(keys)
    return st.one_of(
        _call("set", key, NUMBERS),
        _call("increment", key, NUMBERS),
        _call("increment", key, by=NUMBERS),
        _call("append", key, JSON),
        _call("update", key, st.sampled_from([twice, nothing]), default=JSON),
        _call("compare_and_set", key, _FALSY | NUMBERS, JSON),
        _call("compare_and_set", key, _FALSY | NUMBERS, _FALSY | NUMBERS),
    )


def _reads(keys: list[str]) -> Strategy:
    key = st.sampled_from(keys)
    prefix = st.none() | st.builds(lambda one, n: one[:n], key, st.integers(0, 3))
    return st.one_of(
        _call("get", key, default=st.just("default")),
        _call("get_many", st.lists(key, max_size=4) | st.lists(key | KEYS, max_size=6)),
        _call("get_all"),
        _call("items", prefix=prefix, page_size=st.integers(1, 3)),
        _call("list_keys", prefix, after=st.none() | KEYS | key, limit=st.integers(0, 4)),
        _call("list_namespaces"),
        _call("exists", key),
        _call("record", key),
        _call("record", key),
        _call("get_metadata", key),
        _call("search").map(lambda call: (*call[:2], {"limit": 1000})),
    )


def _langgraph(pairs: list[tuple[str, str]], keys: list[str]) -> Strategy:
    """Calls on the namespaces of data stores as far as LangGraph takes their labels."""
    taken = [pair for pair in pairs if _is_taken(labels_named(pair[1]))]
    odd = [(user, odd) for user, _ in pairs for odd in (("a:b",), ("a%3Ab", "c"), ("a", "b:c"))]
    where = st.sampled_from([(user, labels_named(name)) for user, name in taken] + odd)
    methods = st.sampled_from(["put", "put", "get", "get", "delete"])
    steps = st.builds(
        lambda at, key, value, method, whole: LangGraphStep(
            at[0], at[1], key, value, method, whole
        ),
        where,
        st.sampled_from(keys),
        MAPPINGS,
        methods,
        st.booleans(),
    )
    return steps.map(_in_a_way_that_is_taken)


def _is_taken(labels: Labels) -> bool:
    return all(label and "." not in label for label in labels)


def _in_a_way_that_is_taken(step: LangGraphStep) -> LangGraphStep:
    """The view refuses the label that LangGraph reserves, tuples the users that are no labels."""
    whole = "." not in step.user and (step.whole_tuple or step.labels[0] == "langgraph")
    labels = ("a", *step.labels[1:]) if not whole and step.labels[0] == "langgraph" else step.labels
    return LangGraphStep(step.user, labels, step.key, step.value, step.method, whole)
