"""What a role must be allowed to do, and what it is told if it is not."""

from __future__ import annotations

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import AgentStoreError, MissingSchemaError
from tests.runtime.tour import NAMESPACE, use_everything
from tests.support.faults import dsn_of, execute, grant_items


def test_a_role_that_may_not_create_is_told_what_an_owner_must_run(
    fresh_database: str, role: str
) -> None:
    dsn = dsn_of(fresh_database, user=role)
    store = AgentStore(dsn)
    with pytest.raises(MissingSchemaError, match="may not set up schema 'agentstore'") as caught:
        store.setup()
    assert "print(error.sql)" in str(caught.value)
    assert "\n" not in str(caught.value)

    with psycopg.connect(fresh_database, autocommit=True) as owner:
        owner.execute(caught.value.sql)
    grant_items(fresh_database, role)
    store.put(NAMESPACE, "k", {"n": 1})
    assert store.get(NAMESPACE, "k") is not None
    store.close()


def test_the_least_rights_suffice_for_everything(fresh_database: str, role: str) -> None:
    AgentStore(fresh_database).setup()
    grant_items(fresh_database, role)
    with AgentStore(dsn_of(fresh_database, user=role), ttl={"default_ttl": 60}) as store:
        use_everything(store)


# What fails without a right is what a user of the store would notice.
RIGHTS = {
    "USAGE ON SCHEMA agentstore": MissingSchemaError,
    "SELECT ON agentstore.migration": AgentStoreError,
    "SELECT ON agentstore.item": AgentStoreError,
    "INSERT ON agentstore.item": AgentStoreError,
    "UPDATE ON agentstore.item": AgentStoreError,
    "DELETE ON agentstore.item": AgentStoreError,
    "SELECT ON agentstore.watch": AgentStoreError,
    "DELETE ON agentstore.item_access": AgentStoreError,
}


@pytest.mark.parametrize("right", RIGHTS)
def test_none_of_the_least_rights_can_be_left_out(
    fresh_database: str, role: str, right: str
) -> None:
    AgentStore(fresh_database).setup()
    grant_items(fresh_database, role)
    execute(fresh_database, f"REVOKE {right} FROM {{}}", role)
    store = AgentStore(dsn_of(fresh_database, user=role))
    with pytest.raises(RIGHTS[right], match=r"permission denied|may not"):
        use_everything(store)
    store.close()
