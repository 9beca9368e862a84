"""Stores files in an `AgentStore` or a view of it: each step is one statement on the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from langgraph.store.base import NOT_PROVIDED, Item

from ..errors import AgentStoreError, InvalidKeyError, InvalidValueError
from ..model.json_values import as_mapping, check_text
from ..model.namespaces import Labels
from ..results import ItemRecord
from ..sql.items.pages import plan_record
from ..sql.statement import Operation, Put, Statement
from ..store.items import Items, plan_get, plan_put, plan_replacement
from .requests import (
    Children,
    Contents,
    Create,
    Entries,
    Look,
    Overwrite,
    Read,
    Remove,
    Replace,
    Seen,
    Step,
    Write,
)
from .sql import (
    Space,
    plan_children,
    plan_contents,
    plan_delete_tree,
    plan_entries,
    plan_overwrite,
)

REFUSED = (InvalidKeyError, InvalidValueError)
"""What is wrong with one path or one text: the caller hears of it as of a missing file."""

Finish: TypeAlias = Callable[[Sequence[Any]], Any]
"""From the results of what was sent to the step's own."""


class PostgresStorage:
    """One namespace of an `AgentStore`. The running graph's user is looked up at each step."""

    def __init__(self, store: Items, namespace: Labels) -> None:
        self._store = store
        self._namespace = namespace

    def do(self, step: Step) -> Any:
        """The step's result; blocks."""
        planned, finish = self._prepared(step)
        return finish(self._store.executor.run_all(planned))

    async def ado(self, step: Step) -> Any:
        """As `do`, awaited."""
        planned, finish = self._prepared(step)
        return finish(await self._store.executor.arun_all(planned))

    def _prepared(self, step: Step) -> tuple[Sequence[Operation[Any]], Finish]:
        """What to send for a step; bad input raises here, and nothing was sent."""
        store, namespace = self._store, self._namespace
        if isinstance(step, Read):
            gets = [_tried(plan_get, store, namespace, path) for path in step.paths]
            return _sent(gets), lambda items: [_value(i) for i in _all(gets, items)]
        if isinstance(step, Write):
            rest = (None, NOT_PROVIDED, None)
            puts = [_tried(plan_put, store, namespace, *file, *rest) for file in step.files]
            return _sent(puts), lambda done: _all(puts, done)
        if isinstance(step, Overwrite):
            return self._overwrite(step)
        if isinstance(step, Create):
            put = plan_put(store, namespace, step.path, step.value, None, NOT_PROVIDED, 0)
            return [put], _nothing
        if isinstance(step, Replace):
            record: ItemRecord = step.seen.mark
            return [plan_replacement(store, namespace, step.path, step.value, record)], _nothing
        if isinstance(step, Look):
            look = _tried(self._record, step.path)
            return _sent([look]), lambda found: _seen(_all([look], found)[0])
        return self._ranged(step)

    def _record(self, path: str) -> Statement[ItemRecord | None]:
        planner = self._store.planner
        return plan_record(*planner.item_id(self._namespace, path), planner.context)

    def _overwrite(self, step: Overwrite) -> tuple[Sequence[Operation[Any]], Finish]:
        context = self._store.planner.context
        put = plan_put(
            self._store, self._namespace, step.path, step.value, None, NOT_PROVIDED, None
        )
        assert isinstance(put, Put)
        if put.content is not None:  # it is to be embedded first, as puts are
            return [], lambda _: False
        return [plan_overwrite(put, context)], lambda _: True

    def _ranged(
        self, step: Children | Entries | Contents | Remove
    ) -> tuple[Sequence[Operation[Any]], Finish]:
        try:
            return [self._statement(step)], _only
        except InvalidValueError:  # what Postgres cannot hold is in no path and in no content
            return [], lambda _: 0 if isinstance(step, Remove) else []

    def _statement(self, step: Children | Entries | Contents | Remove) -> Statement[Any]:
        planner = self._store.planner
        (user_id, stored, _), _labels = planner.item_id(self._namespace, "/")
        space, context = Space(user_id, stored), planner.context
        if isinstance(step, Children):
            return plan_children(space, _storable(step.folder), step.unit, context)
        if isinstance(step, Remove):
            return plan_delete_tree(space, _storable(step.path), context)
        _storable(step.reach.path)
        if isinstance(step, Entries):
            return plan_entries(space, step.reach, step.unit, context)
        escaped = json.dumps(_storable(step.literal), ensure_ascii=False)[1:-1]
        return plan_contents(space, step.reach, step.literal, escaped, context)


def _tried(
    plan: Callable[..., Operation[Any]], *arguments: Any
) -> Operation[Any] | AgentStoreError:
    try:
        return plan(*arguments)
    except REFUSED as error:
        return error


def _sent(planned: Sequence[Operation[Any] | AgentStoreError]) -> list[Operation[Any]]:
    return [one for one in planned if not isinstance(one, AgentStoreError)]


def _all(planned: Sequence[Operation[Any] | AgentStoreError], results: Sequence[Any]) -> list[Any]:
    """The results of what was sent, and in between the errors of what was not."""
    following = iter(results)
    return [one if isinstance(one, AgentStoreError) else next(following) for one in planned]


def _value(item: Item | AgentStoreError | None) -> dict[str, Any] | None:
    return item.value if isinstance(item, Item) else None


def _seen(record: ItemRecord | AgentStoreError | None) -> Seen | None:
    return Seen(as_mapping(record.value), record) if isinstance(record, ItemRecord) else None


def _storable(text: str) -> str:
    check_text(text, "a path or a text to look for")
    return text


def _only(results: Sequence[Any]) -> Any:
    return results[0]


def _nothing(_: Sequence[Any]) -> None:
    return None
