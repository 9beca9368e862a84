"""SQL of sharing and of the policies that admit it, and what is decided without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore.errors import IsolationError
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.shared_scope import Grant, Grants, Neighbors
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.security.row_security.sql import (
    enabling,
    enabling_keys,
    inheriting,
    sharing_functions,
)
from langgraph_agentstore.security.sharing.sql import (
    plan_revoke,
    plan_share,
    plan_shared_by,
    plan_shared_with,
)
from langgraph_agentstore.sql.items.delete import delete_statement
from langgraph_agentstore.sql.items.get import plan_get_alone
from langgraph_agentstore.sql.shared_items import check_reached, checked, plan_shares
from langgraph_agentstore.sql.statement import (
    Decoded,
    Delete,
    Get,
    Operation,
    Put,
    PutExpected,
    PutTogether,
    Queue,
    SqlContext,
    Statement,
)
from langgraph_agentstore.sql.tables import Tables
from tests.support.golden import check_golden

GOLDEN = Path(__file__).parent / "golden_sharing"
TABLES = Tables("it's")
RULES = SqlContext(TABLES, tells_users=True)
AT = locate(Address("alice", ("projects",)), ("projects",))
GRANTS = Grants(
    "bob",
    "known",
    (Grant("alice", ("projects",), "write"), Grant("alice", ("plans", "a:b"), "read")),
)
tuple_of = Neighbors(("users",), "bob").tuple_of

OF_ALICE: Get[Any] = Get(("alice", "projects", "k"), ("users", "alice", "projects"), True)
READING = replace(plan_get_alone(OF_ALICE, RULES), queue=Queue.EQUAL_READS)
DELETING: Statement[None] = Statement(
    *delete_statement([Delete(("alice", "projects", "k"))], RULES), lambda _: Decoded(None)
)

STATEMENTS = {
    "functions": ";".join(sharing_functions(TABLES)),
    **{
        f"policies_of_{name}": ";\n".join(enabling(TABLES, name))
        for name in ("item", "change", "watch", "share", "item_access", "quarantined_item")
    },
    "policies_of_user_key": ";\n".join(enabling_keys(TABLES)),
    "policies_of_vectors": inheriting(TABLES, "item_vector_1"),
    "share": plan_share(AT, "bob", "read", None, RULES).sql,
    "revoke": plan_revoke(AT, "bob", RULES).sql,
    "shared_with": plan_shared_with("bob", tuple_of, RULES).sql,
    "shared_by": plan_shared_by("alice", tuple_of, RULES).sql,
    "shared_by_all": plan_shared_by(None, tuple_of, RULES).sql,
    "shares": plan_shares("bob", RULES).sql,
    "checked_read": checked(READING, GRANTS, RULES).sql,
    "checked_write": checked(DELETING, GRANTS, RULES).sql,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_text_is_the_golden_one(name: str) -> None:
    check_golden(GOLDEN / f"{name}.sql", STATEMENTS[name])


def put(user_id: str, namespace: str) -> Put:
    return Put((user_id, namespace, "k"), namespace, b"{}", None, None)


@pytest.mark.parametrize(
    ("operation", "reached"),
    [
        (OF_ALICE, True),
        (Get(("bob", "diary", "k"), None, False), True),
        (Get(("alice", "plans:a%3Ab:below", "k"), None, False), True),
        (Get(("alice", "plans", "k"), None, False), False),
        (Get(("carol", "projects", "k"), None, False), False),
        (put("alice", "projects:old"), True),
        (put("alice", "plans:a%3Ab"), False),
        (Delete(("alice", "projects2", "k")), False),
        (PutExpected(put("alice", "projects"), 1), True),
        (PutExpected(put("alice", "plans:a%3Ab"), 1), False),
        (PutTogether([put("bob", "diary"), put("alice", "projects")]), True),
        (PutTogether([put("bob", "diary"), put("alice", "diary")]), False),
        (DELETING, True),  # its rows are compared, and the policies admit no others
    ],
)
def test_an_operation_reaches_what_is_own_or_granted(
    operation: Operation[Any], reached: bool
) -> None:
    if reached:
        check_reached(operation, GRANTS)
    else:
        with pytest.raises(IsolationError):
            check_reached(operation, GRANTS)


def test_rows_of_a_user_who_shares_nothing_are_refused() -> None:
    def decode(rows: Any) -> Decoded[Any]:
        return Decoded(list(rows))

    reading: Statement[Any] = Statement("SELECT 1", (), decode, queue=Queue.SHARED, user_column=0)
    statement = checked(reading, GRANTS, RULES)
    assert statement.decode([("alice",), ("bob",), (None,)]).result
    with pytest.raises(IsolationError):
        statement.decode([("alice",), ("carol",)])
