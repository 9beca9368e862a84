"""One user's facts in one namespace of a store, as programs of steps; see `store/step_driver.py`.

An `AgentStore` has versions, so of two writers at once one fails, in whichever process it is. Any
other store has none: there, writers of this process exclude each other by a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem

from .._support.cross_loop_lock import lock_of
from ..errors import InvalidNamespaceError, VersionConflictError
from ..model.json_values import as_mapping, shown
from ..model.namespaces import Labels, check_labels, check_writable
from ..results import ItemRecord
from ..sql.items.delete import plan_delete_version
from ..sql.items.pages import plan_record
from ..sql.search.text import is_blank
from ..store.base import StoreBase
from ..store.executor import Executor
from ..store.items import plan_replacement
from ..store.step_driver import Locked, Steps, StoreOps
from ..store.ttl_defaults import default_ttl
from ..store.user_scope import part_of
from .fact import (
    SEARCHED,
    Origin,
    changed_fact,
    fact_without_thread,
    is_of_thread,
    key_of_fact,
    new_fact,
    text_of_fact,
)
from .likeness import best_by_words, likenesses, without_query_syntax

NEWEST_COMPARED: Final = 1_000
"""The newest facts whose letters or words are compared where nothing else measures likeness."""

SIMILAR_CANDIDATES: Final = 20
PAGE: Final = 500
FORGETTING_ATTEMPTS: Final = 100
"""Lost races after which forgetting a thread fails."""

SIMILAR_COSINE: Final = 0.7
SIMILAR_LETTERS: Final = 0.45
"""Likeness from which on two texts are shown as similar: by an embedder, and by letters."""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact, and its record where the store has versions."""

    key: str
    value: Mapping[str, Any]
    updated_at: datetime
    record: ItemRecord | None = None

    @property
    def text(self) -> str:
        """The text of the fact."""
        return text_of_fact(self.value)


@dataclass(frozen=True, slots=True)
class Saved:
    """The fact was written under a key."""

    key: str


@dataclass(frozen=True, slots=True)
class AlreadyKnown:
    """Nothing was written: a fact has exactly this text."""

    key: str


@dataclass(frozen=True, slots=True)
class Alike:
    """Nothing was written: these facts are similar."""

    facts: tuple[StoredFact, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The fact was written; it had this text before."""

    before: str


@dataclass(frozen=True, slots=True)
class Raced:
    """Nothing was written: another writer changed the fact meanwhile, or removed it (None)."""

    now: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no fact of this key."""


class FactStore:
    """One user's facts in one namespace.

    Args:
        store: any store.
        user_id: the owner of the facts.
        namespace: the namespace within the user's part; checked before.
    """

    def __init__(self, store: BaseStore, user_id: str, namespace: Labels) -> None:
        self._part = part_of(store, user_id, namespace)
        # The object that all writers of the process share.
        self._shared = store
        view = self._part.store
        self._view = view if isinstance(view, StoreBase) else None
        self.executor: Executor | None = None if self._view is None else self._view.executor
        config = getattr(view, "index_config", None)
        self._has_index = config is not None
        self._measures_cosine = (
            isinstance(config, Mapping) and config.get("distance_type", "cosine") == "cosine"
        )

    def save(
        self, content: str, origin: Origin, similar: float | None, although_similar: bool
    ) -> Steps[Saved | AlreadyKnown | Alike]:
        """Write a new fact unless there is one of equal text, or of similar text."""
        equal = yield from self._equal(content)
        if equal is not None:
            return AlreadyKnown(equal.key)
        if not although_similar:
            alike = yield from self._alike(content, similar)
            if alike:
                return Alike(tuple(alike))
        return (yield from self._saving(content, origin))

    def replace(
        self, key: str, content: str, origin: Origin
    ) -> Steps[Replaced | AlreadyKnown | Raced | Unknown]:
        """Give a fact another text, and keep the text before."""
        before = yield from self.read(key)
        if before is None:
            return Unknown()
        equal = yield from self._equal(content)
        if equal is not None:
            return AlreadyKnown(equal.key)
        value = changed_fact(before.value, content, origin, before.updated_at)
        try:
            yield from self._write(key, value, before)
        except VersionConflictError:
            now = yield from self.read(key)
            return Raced(None if now is None else now.text)
        return Replaced(before.text)

    def search(self, query: str, limit: int) -> Steps[list[StoredFact]]:
        """Return the facts that fit a query, best first; the newest if it has no words."""
        if is_blank(query):
            return (yield from self._newest(limit))
        if self._has_index:
            return (yield from self._found(limit, without_query_syntax(query)))
        newest = yield from self._newest(NEWEST_COMPARED)
        best = best_by_words(query, [fact.text for fact in newest])
        return [newest[position] for position in best[:limit]]

    def remove(self, key: str) -> Steps[bool]:
        """Remove a fact; return whether there was one."""
        if (yield from self.read(key)) is None:
            return False
        yield StoreOps(self._part.store, [PutOp(self._part.labels, key, None)])
        return True

    def forget_thread(self, thread_id: str) -> Steps[int]:
        """Remove all that came from a thread; return the number of facts changed or removed.

        A fact that another thread said before gets that text back.
        """
        facts = yield from self._all()
        keys = {fact.key for fact in facts if is_of_thread(fact.value, thread_id)}
        for key in sorted(keys):
            yield from self._forget(key, thread_id)
        return len(keys)

    def read(self, key: str) -> Steps[StoredFact | None]:
        """Return a fact, or None."""
        if self._view is None:
            [item] = yield StoreOps(self._part.store, [GetOp(self._part.labels, key)])
            return None if item is None else _fact_of_item(item)
        item_id, labels = self._view.planner.item_id(self._part.labels, key)
        record = yield plan_record(item_id, labels, self._view.planner.context)
        if record is None:
            return None
        return StoredFact(key, as_mapping(record.value), record.updated_at, record)

    def _saving(self, content: str, origin: Origin) -> Steps[Saved | AlreadyKnown]:
        number = 0
        while True:
            key = key_of_fact(content, number)
            found = yield from self.read(key)
            if found is None:
                try:
                    yield from self._write(key, new_fact(content, origin), None)
                except VersionConflictError:
                    continue  # Another writer was faster: see its text.
                return Saved(key)
            if found.text == content:
                return AlreadyKnown(key)
            number += 1

    def _write(
        self, key: str, value: dict[str, Any] | None, over: StoredFact | None
    ) -> Steps[None]:
        """Write over exactly what was read; None: only if there is no such fact.

        No value removes the fact.

        Raises:
            VersionConflictError: another writer was faster; nothing was written.
        """
        if self._view is None:
            yield Locked(lock_of(self._shared), self._write_unless_changed(key, value, over))
            return
        record = None if over is None else over.record
        if value is None:
            assert record is not None
            yield from self._remove_version(self._view, key, record)
            return
        yield plan_replacement(
            self._view, self._part.labels, key, value, record, index=list(SEARCHED)
        )

    def _remove_version(self, view: StoreBase, key: str, record: ItemRecord) -> Steps[None]:
        planner = view.planner
        item_id, _labels = planner.item_id(self._part.labels, key)
        version = record.version, record.created_at
        if not (yield plan_delete_version(item_id, *version, planner.context)):
            raise VersionConflictError(
                f"the fact {key!r} changed since it was read", expected=record.version
            )

    def _write_unless_changed(
        self, key: str, value: dict[str, Any] | None, over: StoredFact | None
    ) -> Steps[None]:
        now = yield from self.read(key)
        if (None if now is None else now.value) != (None if over is None else over.value):
            raise VersionConflictError(f"the fact {key!r} changed since it was read")
        store = self._part.store
        ttl = default_ttl(store)
        yield StoreOps(store, [PutOp(self._part.labels, key, value, list(SEARCHED), ttl)])

    def _forget(self, key: str, thread_id: str) -> Steps[None]:
        for _ in range(FORGETTING_ATTEMPTS):
            fact = yield from self.read(key)
            if fact is None:
                return
            value = fact_without_thread(fact.value, thread_id)
            try:
                yield from self._write(key, value, fact)
            except VersionConflictError as conflict:
                lost = conflict
            else:
                return
        raise lost

    def _equal(self, content: str) -> Steps[StoredFact | None]:
        if self._view is not None and self._view.executor.context.sealing is not None:
            facts = yield from self._all()  # No filter finds an encrypted text.
            return next((fact for fact in facts if fact.value.get("content") == content), None)
        found = yield from self._found(1, filter={"content": content})
        return found[0] if found else None

    def _alike(self, content: str, similar: float | None) -> Steps[list[StoredFact]]:
        """Return similar facts, the most similar first."""
        found: list[SearchItem] = []
        if self._has_index:
            found = yield from self._items(SIMILAR_CANDIDATES, without_query_syntax(content))
        cosines = [self._cosine(item) for item in found]
        if found and None not in cosines:
            return _most_alike(found, cosines, SIMILAR_COSINE if similar is None else similar)
        newest = yield from self._items(NEWEST_COMPARED)
        items = list({item.key: item for item in (*found, *newest)}.values())
        alike = likenesses(content, [text_of_fact(as_mapping(item.value)) for item in items])
        return _most_alike(items, alike, SIMILAR_LETTERS if similar is None else similar)

    def _cosine(self, item: SearchItem) -> float | None:
        if not self._measures_cosine:
            return None
        if self._view is None:
            return item.score
        similarity: float | None = getattr(item, "similarity", None)
        return similarity

    def _newest(self, most: int) -> Steps[list[StoredFact]]:
        if self._view is not None:
            return (yield from self._found(most))
        # Without a query, LangGraph promises no order.
        facts = yield from self._found(NEWEST_COMPARED)
        return sorted(facts, key=lambda fact: fact.updated_at, reverse=True)[:most]

    def _found(
        self, most: int, query: str | None = None, filter: dict[str, Any] | None = None
    ) -> Steps[list[StoredFact]]:
        items = yield from self._items(most, query, filter)
        return [_fact_of_item(item) for item in items]

    def _items(
        self, most: int, query: str | None = None, filter: dict[str, Any] | None = None
    ) -> Steps[list[SearchItem]]:
        """Return the best items of exactly this namespace, or the newest."""
        found: list[SearchItem] = []
        offset = 0
        while len(found) < most:
            search = self._part.search_op(most, offset, query, filter)
            [items] = yield StoreOps(self._part.store, [search])
            found += self._own(items)
            offset += len(items)
            if len(items) < most:
                break
        return found[:most]

    def _all(self) -> Steps[list[StoredFact]]:
        found: list[StoredFact] = []
        offset = 0
        while True:
            [items] = yield StoreOps(self._part.store, [self._part.search_op(PAGE, offset)])
            if not items:
                return found
            found += map(_fact_of_item, self._own(items))
            offset += len(items)

    def _own(self, items: list[SearchItem]) -> list[SearchItem]:
        # A search finds the namespaces below too, and in some stores those of other users.
        return [item for item in items if tuple(item.namespace) == self._part.labels]


def _most_alike(
    items: Sequence[SearchItem], likeness: Sequence[float | None], least: float
) -> list[StoredFact]:
    pairs = [(each or 0.0, item) for each, item in zip(likeness, items, strict=True)]
    alike = sorted((pair for pair in pairs if pair[0] >= least), key=lambda pair: -pair[0])
    return [_fact_of_item(item) for _, item in alike]


def memory_namespaces(memories: Iterable[str | Sequence[str]]) -> tuple[Labels, ...]:
    """Return the namespaces that `memories=` names; a string is a namespace of one label.

    Raises:
        InvalidNamespaceError: one of them is not valid, or empty.
    """
    if isinstance(memories, str):
        raise InvalidNamespaceError(
            f"memories is a list of namespaces, got the string {shown(memories)}; write "
            f"({shown(memories)},)"
        )
    return tuple(
        checked_fact_namespace((each,) if isinstance(each, str) else each) for each in memories
    )


def checked_fact_namespace(namespace: object) -> Labels:
    """Return a namespace that can hold facts.

    Raises:
        InvalidNamespaceError: it is not valid, or empty.
    """
    labels = check_labels(namespace)
    check_writable(labels)
    return labels


def _fact_of_item(item: Item) -> StoredFact:
    return StoredFact(item.key, as_mapping(item.value), item.updated_at)
