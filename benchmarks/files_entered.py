"""`python -m benchmarks.files_entered`: count the files of the package that a warm call enters.

Each file entered is a file that a maintainer has to open to follow the call. A call runs a few
times to warm up, and then under a profiler that watches every thread.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import langgraph_agentstore
from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore, transfer
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.files import DeepAgentsBackend

from .bench import server
from .harness import command

PACKAGE = Path(langgraph_agentstore.__file__).parent
FACTS = ("ada", "facts")
TIMES = 20
"""How often a call runs under the profiler; the number of Python calls is the mean of these."""

Call = Callable[[], Any]


class Profiler:
    """Counts Python calls by file, on this thread and on all threads started later."""

    def __init__(self) -> None:
        self.calls: Counter[str] | None = None
        threading.setprofile(self._on_event)
        sys.setprofile(self._on_event)

    def _on_event(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and self.calls is not None:
            self.calls[frame.f_code.co_filename] += 1

    async def count(self, call: Call) -> Counter[str]:
        """Return the Python calls by file of `TIMES` runs of a call, which may be awaitable."""
        for repetition in range(3 + TIMES):
            if repetition == 3:
                await asyncio.sleep(0.2)  # what the earlier runs left to do
                self.calls = Counter()
            given = call()
            if inspect.isawaitable(given):
                await given
        counted, self.calls = self.calls, None
        assert counted is not None
        return counted


def embed(texts: list[str]) -> list[list[float]]:
    """Return a made-up vector for each text."""
    return [[len(text) % 7 + 1.0, 1.0, 0.0, 0.0] for text in texts]


def rows(store: AgentStore, searched: AgentStore, folder: Path) -> Iterator[tuple[str, Call, Call]]:
    """Yield the name of each measured call, its blocking and its awaited form."""
    data, adata = DataStore(store, "ada", "tester"), AsyncDataStore(store, "ada", "tester")
    memory = ConversationMemory(store, user_id="ada")
    files = DeepAgentsBackend(store, namespace=("ada", "files"))
    file, turn, query = folder / "ada.jsonl", count(), "what is green?"
    searched.put(FACTS, "tea", {"likes": "tea"})
    data.set("tea", "green")
    files.write("/plan.md", "0")

    def said() -> tuple[str, str, str]:
        return "tea?", str(next(turn)), "monday"

    yield (
        "put",
        lambda: store.put(FACTS, "tea", {"likes": "tea"}),
        lambda: store.aput(FACTS, "tea", {"likes": "tea"}),
    )
    yield "get", lambda: store.get(FACTS, "tea"), lambda: store.aget(FACTS, "tea")
    yield "search", lambda: store.search(FACTS), lambda: store.asearch(FACTS)
    yield (
        "query search",
        lambda: searched.search(FACTS, query=query),
        lambda: searched.asearch(FACTS, query=query),
    )
    yield "data_store.get", lambda: data.get("tea"), lambda: adata.get("tea")
    yield (
        "file edit",
        lambda: files.edit("/plan.md", "0", "0"),
        lambda: files.aedit("/plan.md", "0", "0"),
    )
    yield "save_turn", lambda: memory.save_turn(*said()), lambda: memory.asave_turn(*said())
    yield (
        "export",
        lambda: transfer.export(store, file, user_id="ada"),
        lambda: transfer.aexport(store, file, user_id="ada"),
    )


async def main() -> None:
    """Measure every call and print the table."""
    parser = command("benchmarks.files_entered", __doc__)
    parser.add_argument("--names", action="store_true", help="print the names of the files")
    parser.add_argument("--calls", action="store_true", help="print the number of Python calls")
    options = parser.parse_args()
    profiler = Profiler()
    with server() as dsn, tempfile.TemporaryDirectory() as folder:
        index = {"dims": 4, "embed": embed}
        with AgentStore(dsn) as store, AgentStore(dsn, schema="searched", index=index) as searched:
            store.setup()
            searched.setup()
            for name, *forms in rows(store, searched, Path(folder)):
                for kind, form in zip(("blocking", "awaited"), forms, strict=True):
                    show(f"{name}, {kind}", await profiler.count(form), options)


def show(name: str, counted: Counter[str], options: argparse.Namespace) -> None:
    """Print the row of one call: its files, and whatever the options ask for."""
    ours = {f: n for f, n in counted.items() if Path(f).is_relative_to(PACKAGE)}
    calls = f"{sum(ours.values()) / TIMES:6.0f} of {sum(counted.values()) / TIMES:.0f} calls"
    print(f"{name:26}{len(ours):4} files{calls if options.calls else ''}")
    if options.names:
        for file, number in sorted(ours.items(), key=lambda item: -item[1]):
            print(f"    {number / TIMES:6.1f}  {Path(file).relative_to(PACKAGE)}")


if __name__ == "__main__":
    asyncio.run(main())
