"""Query plans: evidence that `data_store` finds records by an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import SearchOp

from ..model.addresses import locate
from ..model.users import Address
from ..sql.items.get import get_one_sql
from ..sql.items.records import plan_all_values, plan_keys
from ..sql.statement import SqlContext, Statement
from ..store.agent_store import AgentStore
from ..store.executor import explain_job
from .base import RecordView

_ANYBODY = "somebody"
_LABELS = ("some", "namespace")


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The plan of a method's statement.

    `plan` is the text of EXPLAIN. `indexes` are the names of the indexes it uses. `whole_tables`
    are the tables it would read from end to end: there should be none.
    """

    method: str
    sql: str
    plan: str
    indexes: tuple[str, ...]
    whole_tables: tuple[str, ...]


def query_plans(store: AgentStore) -> list[QueryPlan]:
    """Return the plans of the reading methods, sorted by name."""
    found = []
    for method, (sql, arguments) in sorted(_statements(store).items()):
        text, tree = store.executor.run(explain_job(sql, arguments))
        nodes = list(_nodes(tree))
        indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
        whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
        plan = QueryPlan(method, sql.strip(), text, tuple(sorted(indexes)), tuple(sorted(whole)))
        found.append(plan)
    return found


def _statements(store: AgentStore) -> dict[str, tuple[str, Sequence[Any]]]:
    """Return the SQL of each method and its arguments."""
    context: SqlContext = store.planner.context
    at = locate(Address(_ANYBODY, _LABELS), _LABELS)
    search = RecordView(store, _ANYBODY).planner.plan(SearchOp(_LABELS))
    assert isinstance(search, Statement)
    # What it turns to where its first row says that there are namespaces below.
    below = search.decode([(None, True, False)]).instead
    assert below is not None
    planned: dict[str, Statement[Any]] = {
        "get_all": plan_all_values(at, context),
        "list_keys": plan_keys(at, "", None, None, context),
        "list_keys, with a prefix": plan_keys(at, "a", None, 10, context),
        "search": search,
        "search, with namespaces below": below,
    }
    statements = {method: (s.sql, s.arguments) for method, s in planned.items()}
    return {"get": (get_one_sql(context), (at.user_id, at.stored, "some key")), **statements}


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for child in tree.get("Plans", []):
        yield from _nodes(child)
    # Of a distributed statement, the plans that its nodes make.
    for task in tree.get("Distributed Query", {}).get("Job", {}).get("Tasks", []):
        for [plan] in task.get("Remote Plan", []):
            yield from _nodes(plan["Plan"])
