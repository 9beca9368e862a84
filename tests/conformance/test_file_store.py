"""The store in one file, which MemoryAgent brings: where the suite agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from langgraph.store.base import TTLConfig

from langgraph_agentstore.conformance import StoreConformance
from langgraph_agentstore.memory_agent import FileStore


class TestFileStore(StoreConformance):
    forms = ("blocking",)  # its awaitable methods are the same code
    deviations: ClassVar = {
        "one_bad_operation_fails_alone[very long key]": "its keys are of any length"
    }

    @pytest.fixture(autouse=True)
    def _use(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self.opened: list[FileStore] = []
        yield
        for store in self.opened:
            store.close()

    def open_store(self, ttl: TTLConfig | None) -> object:
        self.opened.append(FileStore(self.folder / f"{len(self.opened)}.json", "json"))
        return self.opened[-1]
