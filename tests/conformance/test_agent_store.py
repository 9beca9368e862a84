"""`AgentStore` and its views meet every fact, called either way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langgraph.store.base import TTLConfig

from langgraph_agentstore.conformance import StoreConformance
from tests.conformance.agent_stores import AgentStores, StoresOverNodes
from tests.support.matrices import few


@pytest.fixture(scope="module")
def default_stores(postgres_dsn: str) -> Iterator[AgentStores]:
    stores = AgentStores(postgres_dsn)
    yield stores
    stores.close()


@pytest.fixture(scope="module")
def stores_over_nodes(postgres_dsn: str) -> Iterator[AgentStores]:
    stores = StoresOverNodes(postgres_dsn)
    yield stores
    stores.close()


@pytest.fixture(scope="module")
def user_first_stores(postgres_dsn: str) -> Iterator[AgentStores]:
    stores = AgentStores(postgres_dsn, users=("{user_id}",))
    yield stores
    stores.close()


class TestAgentStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _use(self, default_stores: AgentStores) -> None:
        self.stores = default_stores

    def open_store(self, ttl: TTLConfig | None) -> object:
        return self.stores.open(ttl)


@few(80)
class TestAgentStoreOverNodes(TestAgentStore):
    """Written for several nodes, the SQL gives the same answers."""

    forms = ("awaited",)

    @pytest.fixture(autouse=True)
    def _use(self, stores_over_nodes: AgentStores) -> None:
        self.stores = stores_over_nodes


@few(80)
class TestUserView(TestAgentStore):
    forms = ("awaited",)

    def open_store(self, ttl: TTLConfig | None) -> object:
        return self.stores.open_view(ttl)


@pytest.mark.slow
class TestAgentStoreWithTheUserFirst(StoreConformance):
    """Every tuple belongs to a user, so prefixes without labels span users."""

    forms = ("blocking",)

    @pytest.fixture(autouse=True)
    def _use(self, user_first_stores: AgentStores) -> None:
        self.stores = user_first_stores

    def open_store(self, ttl: TTLConfig | None) -> object:
        return self.stores.open(ttl)
