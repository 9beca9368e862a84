"""`python -m benchmarks.importing`: what imports cost, beside that of `langgraph.graph`.

Every row is a new process, and the rows take turns. The figure is the processor time, user and
system, of the process until the import is done, less that of a process that imports nothing; so
other programs disturb it little. The first round, which may have to compile, is not counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from statistics import median

from .harness import alternate, command, print_table

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each import by itself, and its addition to a process that has `langgraph.graph`."""
    parser = command("benchmarks.importing", __doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of each row (default 9)")
    others = [BASE, *OURS]
    codes = [PEER, *others, *(f"{PEER}\n{code}" for code in others)]
    peer, *figures = measured(codes, parser.parse_args(arguments).rounds)
    alone, with_peer = figures[: len(others)], figures[len(others) :]
    rows = [(PEER, *_cells(peer, peer), "", "")]
    for code, own, both in zip(others, alone, with_peer, strict=True):
        rows.append((code, *_cells(own, peer), *_cells(both - peer, peer)))
    print_table(("", "ms", "ratio", "added ms", "ratio"), rows)


def _cells(ms: float, peer_ms: float) -> tuple[str, str]:
    return f"{ms:.0f}", f"{ms / peer_ms:.2f}"


def measured(codes: list[str], rounds: int) -> list[float]:
    """Return the median ms of each code, less that of a process that imports nothing."""
    figures = alternate(rounds + 1, *(partial(_cpu_ms, code) for code in [NOTHING, *codes]))
    idle, *taken = (median(each[1:]) for each in figures)
    return [ms - idle for ms in taken]


def _cpu_ms(code: str) -> float:
    """Return the processor time of a new process that runs the code, from its start on."""
    command = [sys.executable, "-c", _TIMED.format(code)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(printed) * 1000


if __name__ == "__main__":
    main()
