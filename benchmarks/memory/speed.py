"""`python -m benchmarks.memory.speed`: the time of a conversation search among many turns.

One user's turns are generated talk, among 30,000 turns of twenty others. Beside each search stands
the store's own search of the same question over the same turns, in the same run. Times are of the
whole call, in milliseconds: the median over twenty questions, each the best of five. Loading with
vectors (`--hybrid`) takes many minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from statistics import median
from typing import Any

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn

from ..bench import server
from ..harness import command, print_table
from . import generated
from .models import static_model

OTHERS, EACH = 20, 1_500
QUESTIONS, TRIES = 20, 5
PATIENT: Any = {"command_timeout_s": 600}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = command("benchmarks.memory.speed", __doc__)
    parser.add_argument("--turns", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--hybrid", action="store_true", help="with word vectors, too")
    given = parser.parse_args(arguments)
    index = {"mode": "hybrid", **static_model().index} if given.hybrid else {"mode": "text"}
    with server() as dsn, AgentStore(dsn, index=index, pool=PATIENT) as store:
        for number in range(OTHERS):
            ConversationMemory(store, f"other-{number}").save_turns(turns(300 + number, EACH))
        rows = (measured(store, size) for size in given.turns)
        print_table(("turns", "conversations, ms", "store, ms", "ratio"), rows)
    return 0


def measured(store: AgentStore, size: int) -> tuple[str, ...]:
    """Save this many turns of one user, and return the row of their searches."""
    user_id, seed = f"user-{size}", 400 + size
    ConversationMemory(store, user_id).save_turns(turns(seed, size))
    asked = [question.text for question in generated.conversation(seed)[1]]
    questions = asked[:: len(asked) // QUESTIONS][:QUESTIONS]
    memory, view = ConversationMemory(store, user_id), store.for_user(user_id)
    ours = median(best_ms(partial(memory.search, each)) for each in questions)
    search = partial(view.search, ("conversations",))
    other = median(best_ms(partial(search, query=each)) for each in questions)
    return f"{size:,}", f"{ours:.1f}", f"{other:.1f}", f"{ours / other:.2f}"


def turns(first: int, number: int) -> Iterator[Turn]:
    """Return generated turns, from the seed `first` on."""

    def every() -> Iterator[Turn]:
        for seed in count(first):
            for turn in generated.conversation(seed)[0]:
                thread_id = f"{seed}-{turn.thread}-{turn.at:%Y%m%d}"
                yield new_turn(thread_id, f"{turn.speaker}: {turn.text}", "", at=turn.at)

    return islice(every(), number)


def best_ms(search: Callable[[], object]) -> float:
    """Return the time of the quickest of several calls."""
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        search()
        times.append(time.perf_counter() - started)
    return min(times) * 1_000


if __name__ == "__main__":
    sys.exit(main())
