"""LangGraph's store methods, as every store and view of this package has them.

Each is thin: it plans in the caller's thread, where bad input raises and the running graph's
user is known, and hands the plan to the engine. `ax` is the awaitable form of `x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from langgraph.store.base import (
    NOT_PROVIDED,
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NotProvided,
    Op,
    PutOp,
    TTLConfig,
)

from .._support.lifecycle import Handle
from ..errors import InvalidOperationError
from ..model.namespaces import Labels
from ..model.ttl import replaced_options
from ..results import Explanation
from ..runtime.engine import Engine
from ..sql.planner import Planner
from ..sql.statement import Planned, Put, PutExpected

Index = Literal[False] | list[str] | None


class StoreSurface(Handle, BaseStore):
    """A `BaseStore` over an engine; which tuple means which record is its planner's scope."""

    supports_ttl = True

    def __init__(self, engine: Engine, ttl_config: TTLConfig | None) -> None:
        self._engine = engine
        self._ttl_options = ttl_config

    @property
    def ttl_config(self) -> TTLConfig | None:
        """The store's `ttl`; `default_ttl` and `refresh_on_read` may be changed in it."""
        return self._ttl_options

    @ttl_config.setter
    def ttl_config(self, given: TTLConfig | None) -> None:
        self._ttl_options = replaced_options(self._ttl_options, given)

    @property
    def _planner(self) -> Planner:
        """Looked up at each call: a per-user view has a planner for each user."""
        raise NotImplementedError

    def get(self, namespace: Labels, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """The item, a fresh object at each call, or None if there is none or it expired."""
        item: Item | None = self._run(self._plan_get(namespace, key, refresh_ttl))
        return item

    async def aget(
        self, namespace: Labels, key: str, *, refresh_ttl: bool | None = None
    ) -> Item | None:
        """As `get`."""
        item: Item | None = await self._arun(self._plan_get(namespace, key, refresh_ttl))
        return item

    def put(
        self,
        namespace: Labels,
        key: str,
        value: Mapping[str, Any],
        index: Index = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        expected_version: int | None = None,
    ) -> None:
        """Writes the item, whether or not it is there.

        Args:
            namespace: labels without periods; the first is not "langgraph".
            key: a non-empty string; an int or a UUID is taken as its text.
            value: a mapping of JSON; None deletes, as LangGraph has it.
            index: on a store with an index, what the item is found by: None, the index's
                fields; False, nothing; or paths such as `["text", "tags[*]"]`.
            ttl: minutes until it expires; None for never; left out, the store's default.
            expected_version: write only over this version (see `get_record`); 0, only if there
                is no such item. An item that was deleted and put again begins at 1 anew.

        Raises:
            VersionConflictError: the version is another; nothing was written.
            EmbeddingError: the index's embedder failed; nothing was written.
        """
        self._run(self._plan_put(namespace, key, value, index, ttl, expected_version))

    async def aput(
        self,
        namespace: Labels,
        key: str,
        value: Mapping[str, Any],
        index: Index = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        expected_version: int | None = None,
    ) -> None:
        """As `put`."""
        await self._arun(self._plan_put(namespace, key, value, index, ttl, expected_version))

    def delete(self, namespace: Labels, key: str) -> None:
        """Removes the item; no error if there is none."""
        self._run(self._planner.plan(PutOp(namespace, key, None)))

    async def adelete(self, namespace: Labels, key: str) -> None:
        """As `delete`."""
        await self._arun(self._planner.plan(PutOp(namespace, key, None)))

    def list_namespaces(
        self,
        *,
        prefix: Labels | None = None,
        suffix: Labels | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Labels]:
        """The distinct namespaces that hold an item, sorted as tuples.

        Args:
            prefix: labels they start with; `"*"` stands for any one label.
            suffix: labels they end with, likewise.
            max_depth: how many labels to keep; 0 gives `[()]` if there is anything.
            limit: how many of them.
            offset: how many before them to leave out.
        """
        op = _list_op(prefix, suffix, max_depth, limit, offset)
        found: list[Labels] = self._run(self._planner.plan(op))
        return found

    async def alist_namespaces(
        self,
        *,
        prefix: Labels | None = None,
        suffix: Labels | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Labels]:
        """As `list_namespaces`."""
        op = _list_op(prefix, suffix, max_depth, limit, offset)
        found: list[Labels] = await self._arun(self._planner.plan(op))
        return found

    def explain(self, op: Op) -> Explanation:
        """The statement that an operation becomes when it travels alone; needs no connection."""
        return self._planner.explain(op)

    def _run(self, planned: Any) -> Any:
        return self._engine.run((planned,))[0]

    async def _arun(self, planned: Any) -> Any:
        return (await self._engine.arun((planned,)))[0]

    def _plan_get(self, namespace: Labels, key: str, refresh_ttl: bool | None) -> Planned:
        return self._planner.plan(GetOp(namespace, key, self._refresh(refresh_ttl)))

    def _plan_put(
        self,
        namespace: Labels,
        key: str,
        value: Mapping[str, Any] | None,
        index: Index,
        ttl: float | NotProvided | None,
        expected_version: int | None,
    ) -> Planned:
        if isinstance(ttl, NotProvided):
            ttl = (self.ttl_config or {}).get("default_ttl")
        planner = self._planner
        planned = planner.plan(PutOp(namespace, key, value, index, ttl))
        if expected_version is None:
            return planned
        if (
            not isinstance(planned, Put)
            or type(expected_version) is not int
            or not 0 <= expected_version < 2**63
        ):
            raise InvalidOperationError(
                f"expected_version is a whole number from 0 on and goes with a value, "
                f"got {expected_version!r}"
            )
        return PutExpected(planned, expected_version)

    def _refresh(self, refresh_ttl: bool | None) -> bool:
        if refresh_ttl is not None:
            return refresh_ttl
        return (self.ttl_config or {}).get("refresh_on_read", True)


def _list_op(
    prefix: Labels | None, suffix: Labels | None, max_depth: int | None, limit: int, offset: int
) -> ListNamespacesOp:
    conditions = []
    if prefix:
        conditions.append(MatchCondition("prefix", prefix))
    if suffix:
        conditions.append(MatchCondition("suffix", suffix))
    return ListNamespacesOp(tuple(conditions), max_depth, limit, offset)
