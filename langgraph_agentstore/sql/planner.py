"""Planning: LangGraph operations in, addressed operations and statements out; no I/O.

To follow a search: `Planner.plan` checks it and hands it to `sql/items/newest.py`, which gives a
`Statement`: SQL, arguments, and the function that makes the result of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from langgraph.store.base import GetOp, Item, ListNamespacesOp, PutOp, SearchItem, SearchOp

from ..errors import InvalidOperationError, ValueTooLargeError, ValueTypeError
from ..model.addresses import MAX_ADDRESS_BYTES, ItemAddress, checked_key, locate
from ..model.checks import check_whole
from ..model.json_values import check_allowed, check_text, encode_mapping, shown
from ..model.namespaces import Labels, check_labels, check_writable
from ..model.ttl import ttl_interval
from ..model.users import Scope, users_of_regions
from ..results import Explanation
from .filters import Filter, parse_filter
from .indexed_content import content_of
from .items.delete import delete_statement
from .items.get import get_statement
from .items.list_namespaces import plan_list_namespaces
from .items.newest import plan_search
from .items.put import put_expected_statement, put_statement
from .items.records import LARGEST_LIMIT
from .sealing import sealed_filter
from .search.hybrid import plan_explanation, plan_query, plan_query_anywhere
from .search.options import QueryOptions, default_options
from .search.text import MOST_CHARACTERS, is_blank, text_to_embed
from .server_forms import form_of
from .shared_items import OfView
from .statement import (
    Content,
    CurrentRules,
    Delete,
    Get,
    ItemId,
    Operation,
    Put,
    PutExpected,
    Query,
    ResultT,
    SqlContext,
    Statement,
)

Plan: TypeAlias = "Callable[[Planner], Operation[ResultT]]"
"""Plans an operation by a planner, which determines whose items a tuple means."""

NO_INDEX = (
    "search(query=…) has no effect on a store without an index: the newest items come first, "
    "whatever the query says. Make the store with index={'mode': 'text'} to find by words, or with "
    "index={'embed': …, 'dims': …} to find by meaning, and call reindex() once for the items that "
    "it has"
)


class Planner:
    """A planner of the operations of one store or view, by its scope and configuration."""

    def __init__(
        self,
        scope: Scope,
        current_rules: CurrentRules,
        check: Callable[[object], Labels] = check_labels,
    ) -> None:
        self.scope = scope
        self.current_rules = current_rules
        self._check = check
        # Namespaces come again and again; checking and encoding one costs more than the rest.
        self._located = lru_cache(maxsize=8192)(self._locate)
        self._newest = lru_cache(maxsize=1024)(self._plan_newest)
        self._listed = lru_cache(maxsize=64)(self._plan_all_listed)

    @property
    def context(self) -> SqlContext:
        """The SQL context in force."""
        return self.current_rules.context

    def plan(self, op: object) -> Operation[Any]:
        """Return the checked, addressed form of one of LangGraph's operations.

        Raises whatever is wrong with it: nothing has been sent or written by then.
        """
        if isinstance(op, GetOp):
            return self.get(op.namespace, op.key, op.refresh_ttl)
        if isinstance(op, PutOp):
            return self.put(op)
        if isinstance(op, SearchOp):
            return self.search(op)
        if isinstance(op, ListNamespacesOp):
            return self.list_namespaces(op)
        raise InvalidOperationError(
            f"{type(op).__name__} is not an operation; known: GetOp, PutOp, SearchOp, "
            "ListNamespacesOp"
        )

    def at(
        self,
        labels: object,  # noqa: ARG002 # for views
        plan: Plan[ResultT],
        *,
        writes: bool = False,  # noqa: ARG002 # for views
    ) -> Operation[ResultT]:
        """Plan an operation on exactly this namespace by `plan`; `writes`: or removes items."""
        return plan(self)

    def below(self, prefix: object, plan: Plan[ResultT]) -> Operation[ResultT]:  # noqa: ARG002
        """Plan a read of what is at or below a prefix by `plan`."""
        return plan(self)

    def get(self, namespace: object, key: object, refresh: bool) -> Operation[Item | None]:
        """Plan the read of one item."""
        item_id, labels = self.item_id(namespace, key)
        return Get(item_id, labels, refresh)

    def explain(self, op: object) -> Explanation:
        """Return the statement that the operation becomes when it is sent alone.

        Of a store with an index, as before its first set of vectors is filled; a query's vector
        is left out.
        """
        planned, context = self.plan(op), self._rules_to_explain()
        if isinstance(planned, OfView):
            planned = planned.own
        if isinstance(planned, Query):
            planned = planned.statement(context, None if planned.text is None else b"")
        if isinstance(planned, Statement):
            sql, arguments = planned.sql, planned.arguments
        elif isinstance(planned, Get):
            sql, arguments = get_statement([planned], context)
        elif isinstance(planned, Put):
            planned.vectors = [b""] * len(planned.content.parts) if planned.content else None
            sql, arguments = put_statement([planned], context)
        else:
            assert isinstance(planned, Delete)
            sql, arguments = delete_statement([planned], context)
        sql = form_of(sql, distributed=bool(context.distributed))
        return Explanation(sql.strip(), arguments)

    def _rules_to_explain(self) -> SqlContext:
        index = self.context.index
        if index is None or index.vectors is None:
            return self.context
        return replace(self.context, vector_set=1, approximate=index.vectors.indexed_as is not None)

    def item_id(self, namespace: object, key: object) -> tuple[ItemId, Labels]:
        """Return the primary key of an item, and its namespace's labels as the scope shows them."""
        try:
            located = self._located(namespace)
        except TypeError:  # a list, or a tuple that holds one
            located = self._located(self._check(namespace))
        # Most keys are printable ASCII, which only has to fit: checking them costs no call.
        room = MAX_ADDRESS_BYTES - located.size
        if type(key) is str and 0 < len(key) <= room and key.isascii() and key.isprintable():
            return (located.user_id, located.stored, key), located.labels
        return (located.user_id, located.stored, checked_key(key, located)), located.labels

    def address_of(self, labels: Labels) -> ItemAddress:
        """Return the address of exactly this namespace."""
        return self._located(labels)

    def _locate(self, namespace: object) -> ItemAddress:
        labels = self._check(namespace)
        return locate(self.scope.address(labels), labels)

    def put(self, op: PutOp) -> Operation[None]:
        """Plan a write; a value of None deletes, as LangGraph has it."""
        item_id, labels = self.item_id(op.namespace, op.key)
        located = self._located(labels)
        if not located.is_writable:
            check_writable(labels)
        if op.value is None:
            return Delete(item_id)
        try:
            value = encode_mapping(op.value)
            check_allowed(len(value), self.context.max_value_bytes)
        except ValueTooLargeError as error:
            raise ValueTooLargeError(f"key {shown(item_id[2])}: {error}") from None
        ttl = None if op.ttl is None else ttl_interval(op.ttl)
        return Put(item_id, located.sort_key, value, ttl, self.content(value, op.index))

    def put_expected(
        self, put: Put, version: int, created_at: datetime | None = None
    ) -> Operation[Any]:
        """Plan a put over a version; see `PutExpected`."""
        expected = PutExpected(put, version, created_at)
        context = self.context
        if put.content is None and context.sealing is None and not context.guarded:
            # Nothing is to be done first.
            return put_expected_statement(expected, self.context)
        return expected

    def content(self, value: bytes, index: object = None) -> Content | None:
        """Return the indexed content of a value; None without an index. `index`: of its put."""
        if self.context.index is None:
            return None
        return content_of(self.context.searchable(value), index, self.context.index)

    def search(self, op: SearchOp) -> Operation[list[SearchItem]]:
        """Plan a search, by the index's defaults where it has a query."""
        _check_query(op.query)
        if not is_blank(op.query):
            if self.context.index is not None:
                return self.query(op, default_options(self.context.index))
            self.current_rules.hints.give(NO_INDEX)
        check_whole("limit", op.limit, 0, LARGEST_LIMIT)
        check_whole("offset", op.offset, 0, LARGEST_LIMIT)
        op = op._replace(namespace_prefix=self._check(op.namespace_prefix))
        if not op.filter:
            return self._newest(
                op._replace(filter=None), self.context.omit_expired, self.context.tells_users
            )
        return plan_search(
            op, self.filter(op.filter, op.namespace_prefix), self.scope, self.context
        )

    def _plan_newest(
        self, op: SearchOp, _omit_expired: bool, _tells_users: bool
    ) -> Operation[list[SearchItem]]:
        return plan_search(op, self.filter(None), self.scope, self.context)

    def query(
        self, op: SearchOp, options: QueryOptions, *, explaining: bool = False
    ) -> Operation[Any]:
        """Plan a search by a query; the rest of its planning waits for its vector."""
        check_whole("limit", op.limit, 0, LARGEST_LIMIT)
        check_whole("offset", op.offset, 0, LARGEST_LIMIT)
        op = op._replace(namespace_prefix=self._check(op.namespace_prefix))
        filter, text = self.filter(op.filter, op.namespace_prefix), op.query
        if not isinstance(text, str):
            raise ValueTypeError(f"query is a text, got {type(text).__name__}")
        _check_query(text)
        check_text(text, "query")

        def statement(context: SqlContext, vector: bytes | None) -> Statement[Any]:
            asked = (op, filter, options, vector, self.scope, context)
            if explaining:
                return plan_explanation(plan_query_anywhere(*asked), options, context)
            return plan_query(*asked)

        users = users_of_regions(self.scope.regions(op.namespace_prefix))
        return Query(
            text_to_embed(text, options.mode, options.query_syntax),
            statement,
            users,
            depth=len(op.namespace_prefix),
        )

    def list_namespaces(self, op: ListNamespacesOp) -> Operation[list[Labels]]:
        """Plan the listing of namespaces."""
        check_whole("limit", op.limit, 0, LARGEST_LIMIT)
        check_whole("offset", op.offset, 0, LARGEST_LIMIT)
        if op.max_depth is not None:
            check_whole("max_depth", op.max_depth, 0, LARGEST_LIMIT)
            # It stands in the SQL; no namespace has as many labels as an address has bytes.
            op = op._replace(max_depth=min(op.max_depth, MAX_ADDRESS_BYTES))
        for condition in op.match_conditions or ():
            if condition.match_type not in ("prefix", "suffix"):
                raise InvalidOperationError(
                    f"{shown(condition.match_type)} is not a match type; known: 'prefix', 'suffix'"
                )
            check_labels(condition.path)
        if op.match_conditions:
            return plan_list_namespaces(op, self.scope, self.context)
        kind = (self.context.omit_expired, self.context.distributed)
        return self._listed(op._replace(match_conditions=None), kind)

    def _plan_all_listed(
        self, op: ListNamespacesOp, _kind: tuple[bool, bool | None]
    ) -> Operation[list[Labels]]:
        return plan_list_namespaces(op, self.scope, self.context)

    def filter(self, filter: Any, prefix: Labels = ()) -> Filter:
        """Parse a filter of items at or below a namespace and give its hints.

        None matches everything.
        """
        parsed = parse_filter({} if filter is None else filter)
        for hint in parsed.hints:
            self.current_rules.hints.give(hint)
        regions = self.scope.regions(prefix) if self.context.sealing is not None else ()
        user_id = regions[0].user_id if len(regions) == 1 else None
        return sealed_filter(parsed, self.context.sealing, user_id)


def _check_query(query: object) -> None:
    if isinstance(query, str) and len(query) > MOST_CHARACTERS:
        raise InvalidOperationError(
            f"query has {len(query):,} characters, the limit is {MOST_CHARACTERS:,}: cut it, or "
            "search for parts of it"
        )
