"""The official Postgres stores, with what is known to be different there.

Strict: where a release of theirs comes to meet a fact, its test here fails and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langgraph.store.base import TTLConfig

from langgraph_agentstore.conformance import StoreConformance
from tests.conformance.known_deviations import ASYNC_POSTGRES, COMMON, POSTGRES, deviations
from tests.conformance.official_stores import OfficialStores
from tests.support.matrices import few
from tests.support.servers import TestServer, create_database, drop_database


@pytest.fixture(scope="module")
def official_stores(embedded_server: TestServer) -> Iterator[OfficialStores]:
    dsn = create_database(embedded_server.dsn, "official")
    stores = OfficialStores(dsn)
    yield stores
    stores.close()
    drop_database(embedded_server.dsn, dsn)


@few(80)
class TestPostgresStore(StoreConformance):
    forms = ("blocking",)
    deviations = deviations(COMMON, POSTGRES)

    @pytest.fixture(autouse=True)
    def _use(self, official_stores: OfficialStores) -> None:
        self.stores = official_stores

    def open_store(self, ttl: TTLConfig | None) -> object:
        return self.stores.open(ttl)


@few(80)
class TestAsyncPostgresStore(StoreConformance):
    forms = ("awaited",)
    deviations = deviations(COMMON, POSTGRES, ASYNC_POSTGRES)

    @pytest.fixture(autouse=True)
    def _use(self, official_stores: OfficialStores) -> None:
        self.stores = official_stores

    def open_store(self, ttl: TTLConfig | None) -> object:
        return self.stores.aopen(ttl)
