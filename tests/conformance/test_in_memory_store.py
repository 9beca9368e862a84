"""LangGraph's own in-memory store: where the suite agrees with it, and where it says more."""

from __future__ import annotations

from langgraph.store.base import TTLConfig
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.conformance import StoreConformance
from tests.conformance.known_deviations import COMMON, IN_MEMORY, deviations


class TestInMemoryStore(StoreConformance):
    forms = ("blocking",)  # its awaitable methods are the same code
    deviations = deviations(COMMON, IN_MEMORY)

    def open_store(self, ttl: TTLConfig | None) -> object:
        return InMemoryStore()
