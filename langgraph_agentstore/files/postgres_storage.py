"""Files in an `AgentStore` or a view of it: one statement for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langgraph.store.base import NOT_PROVIDED, Item

from ..errors import AgentStoreError
from ..model.json_values import as_mapping, is_storable
from ..model.namespaces import Labels
from ..sql.items.pages import plan_record
from ..sql.planner import Planner
from ..sql.statement import Put
from ..store.executor import Operation, ResultT, Statement
from ..store.items import Items, plan_get, plan_put, plan_replacement
from ..store.step_driver import On, Steps
from .any_store_storage import children_of, file_entry
from .file_value import REFUSED, FileValue, Seen, with_creation_of
from .sql import (
    FileEntry,
    Reach,
    SizeUnit,
    Space,
    plan_children,
    plan_contents,
    plan_delete_tree,
    plan_entries,
    plan_overwrite,
    plan_values_within,
)


class PostgresStorage:
    """The files in one namespace of an `AgentStore`; its user is determined at each step.

    The methods are those of `FileStorage`. Postgres cannot hold some texts: no path and no
    content has them.
    """

    def __init__(self, store: Items, namespace: Labels) -> None:
        self._executor = store.executor
        self._store = store
        self._namespace = namespace

    def read(self, paths: Sequence[str]) -> Steps[list[FileValue | None]]:
        gets = [_tried(plan_get, self._store, self._namespace, path) for path in paths]
        items = yield from self._run_all(gets)
        return [item.value if isinstance(item, Item) else None for item in items]

    def look(self, path: str) -> Steps[Seen | None]:
        try:
            statement = self._store.planner.at(
                self._namespace,
                lambda planner: plan_record(
                    *planner.item_id(self._namespace, path), planner.context
                ),
            )
        except REFUSED:
            return None
        [record] = yield On(self._executor, [statement])
        return None if record is None else Seen(as_mapping(record.value), record)

    def create(self, path: str, value: FileValue) -> Steps[None]:
        put = plan_put(self._store, self._namespace, path, value, None, NOT_PROVIDED, 0)
        yield On(self._executor, [put])

    def replace(self, path: str, value: FileValue, seen: Seen) -> Steps[None]:
        put = plan_replacement(self._store, self._namespace, path, value, seen.record)
        yield On(self._executor, [put])

    def overwrite(self, path: str, value: FileValue) -> Steps[None]:
        put = self._plan_put(path, value)
        if isinstance(put, Put) and put.content is None and not self._is_sealed:
            yield On(self._executor, [plan_overwrite(put, self._executor.context)])
        else:  # It is embedded or encrypted first, which only puts are.
            [before] = yield from self.read([path])
            yield On(self._executor, [self._plan_put(path, with_creation_of(before, value))])

    def write(self, files: Sequence[tuple[str, FileValue]]) -> Steps[list[Exception | None]]:
        return (yield from self._run_all([_tried(self._plan_put, *file) for file in files]))

    def children(self, folder: str, unit: SizeUnit) -> Steps[list[FileEntry]]:
        if self._is_sealed:
            values = yield from self._values(Reach(folder, folder))
            return children_of(values, folder, unit)
        nothing: list[FileEntry] = []
        return (
            yield from self._ranged(plan_children, folder, unit, texts=[folder], nothing=nothing)
        )

    def entries(self, reach: Reach, unit: SizeUnit) -> Steps[list[FileEntry]]:
        if self._is_sealed:
            values = yield from self._values(reach)
            return [file_entry(path, value, unit) for path, value in values.items()]
        nothing: list[FileEntry] = []
        return (
            yield from self._ranged(plan_entries, reach, unit, texts=[reach.path], nothing=nothing)
        )

    def contents(self, reach: Reach, literal: str) -> Steps[list[tuple[str, Any]]]:
        if self._is_sealed:
            return list((yield from self._values(reach)).items())
        texts = [reach.path, literal]
        nothing: list[tuple[str, Any]] = []
        return (
            yield from self._ranged(plan_contents, reach, literal, texts=texts, nothing=nothing)
        )

    def remove(self, path: str) -> Steps[int]:
        return self._ranged(plan_delete_tree, path, texts=[path], nothing=0, writes=True)

    @property
    def _is_sealed(self) -> bool:
        """Tell whether values are encrypted, so that the server can look into none."""
        return self._executor.context.sealing is not None

    def _values(self, reach: Reach) -> Steps[dict[str, FileValue]]:
        """Return the values within reach by path."""
        nothing: list[tuple[str, Any]] = []
        found = yield from self._ranged(
            plan_values_within, reach, texts=[reach.path], nothing=nothing
        )
        return {path: as_mapping(value) for path, value in found}

    def _ranged(
        self,
        plan: Callable[..., Statement[ResultT]],
        *arguments: Any,
        texts: Sequence[str],
        nothing: ResultT,
        writes: bool = False,
    ) -> Steps[ResultT]:
        """Run a statement over the namespace; return `nothing` if Postgres cannot hold a text."""
        if not all(map(is_storable, texts)):
            return nothing

        def planned(planner: Planner) -> Statement[ResultT]:
            (user_id, stored, _), _labels = planner.item_id(self._namespace, "/")
            return plan(Space(user_id, stored), *arguments, planner.context)

        statement = self._store.planner.at(self._namespace, planned, writes=writes)
        results: list[ResultT] = yield On(self._executor, [statement])
        return results[0]

    def _plan_put(self, path: str, value: FileValue) -> Operation[None]:
        return plan_put(self._store, self._namespace, path, value, None, NOT_PROVIDED, None)

    def _run_all(self, planned: Sequence[Operation[Any] | AgentStoreError]) -> Steps[list[Any]]:
        """Return the results of operations; an error in place of one stays where it is."""
        operations = [each for each in planned if not isinstance(each, AgentStoreError)]
        results = iter((yield On(self._executor, operations)))
        return [each if isinstance(each, AgentStoreError) else next(results) for each in planned]


def _tried(
    plan: Callable[..., Operation[Any]], *arguments: Any
) -> Operation[Any] | AgentStoreError:
    """Plan an operation; return the error of a refused path or text."""
    try:
        return plan(*arguments)
    except REFUSED as error:
        return error
