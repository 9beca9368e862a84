"""`python -m benchmarks.importing`: what imports cost, beside that of `langgraph.graph`.

Every row is a new process, and the rows take turns. What is counted is processor time, user and
system, of the process until the import is done, less that of a process that imports nothing; so
other programs disturb it little. The first round, which may have to compile, is not counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import defaultdict
from statistics import median

from rich import box
from rich.table import Table

from .report import console

NOTHING = "pass"
PEER = "import langgraph.graph"
BASE = "from langgraph.store.base import BaseStore"
OURS = (
    "import langgraph_agentstore",
    "from langgraph_agentstore import AgentStore",
    "from langgraph_agentstore import DataStore",
    "from langgraph_agentstore.conversations import ConversationMemory",
    "from langgraph_agentstore.conversations import recall_conversation",
    "from langgraph_agentstore.files import StoreBackend",
    "from langgraph_agentstore.transfer import export",
    "from memory_agent import agent",
)
_TIMED = "import time\n{}\nprint(time.process_time())"


def cpu_ms(code: str) -> float:
    """Processor time of a new process that runs the code, from its start on."""
    command = [sys.executable, "-c", _TIMED.format(code)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(printed) * 1000


def measured(codes: list[str], rounds: int) -> dict[str, float]:
    """The median of each code's rounds, less that of a process that imports nothing; ms."""
    taken = defaultdict(list)
    for number in range(rounds + 1):
        for code in [NOTHING, *codes]:
            ms = cpu_ms(code)
            if number:
                taken[code].append(ms)
    idle = median(taken[NOTHING])
    return {code: median(taken[code]) - idle for code in codes}


def table(ms: dict[str, float]) -> Table:
    """By itself, and what it adds to a process that has `langgraph.graph`, with their ratios."""
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in ("", "ms", "ratio", "added ms", "ratio"):
        shown.add_column(heading, justify="left" if not heading else "right")
    peer = ms[PEER]
    for code in (PEER, BASE, *OURS):
        figures = [ms[code]]
        if code != PEER:
            figures.append(ms[_after_peer(code)] - peer)
        cells = [cell for figure in figures for cell in (f"{figure:.0f}", f"{figure / peer:.2f}")]
        shown.add_row(code, *cells)
    return shown


def _after_peer(code: str) -> str:
    return f"{PEER}\n{code}"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="of each row; 9")
    rounds: int = parser.parse_args().rounds
    alone = [PEER, BASE, *OURS]
    console().print(table(measured([*alone, *map(_after_peer, alone[1:])], rounds)))


if __name__ == "__main__":
    main()
