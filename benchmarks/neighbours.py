"""`python -m benchmarks.neighbours`: what finding a turn by its neighbours' words gains.

The turns of `conversation` are saved in a `ConversationMemory`, once with their neighbours' words,
as by default, and once each with its own text alone. Each question is searched for in all three
modes. The table shows recall@10, and for how many questions the first result is an answer, both in
percent. The models are those of `benchmarks.recall`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn
from langgraph_agentstore.conversations.context_index import in_context

from .bench import server
from .memory.generated import Question, conversation
from .harness import command, print_table
from .recall import MODES, NO_MODEL, Mode, Model, find_model, recall, static_model

DEPTH = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    parser = command("benchmarks.neighbours", __doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="of the conversations")
    parser.add_argument("--static", action="store_true", help="the word vectors of wordllama")
    options = parser.parse_args(arguments)
    model = static_model() if options.static else find_model()
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    headings = (model.name, "turns", "mode", "own text: recall@10 / first", "neighbours' too")
    print_table(headings, (row for seed in options.seeds for row in rows(seed, model)))
    return 0


def rows(seed: int, model: Model) -> Iterator[tuple[str, ...]]:
    """Yield a row of the table for each mode."""
    told, questions = conversation(seed)
    turns, ids = [], {}
    for one in sorted(told, key=lambda turn: turn.at):
        turn = new_turn(one.thread, f"{one.speaker}: {one.text}", "", at=one.at)
        turns.append(turn)
        ids[turn.key] = one.id
    alone = [_alone(turn) for turn in turns]
    with server() as dsn:
        for mode in MODES:
            own, both = (
                score(dsn, f"{name}_{mode}", mode, model, saved, questions, ids)
                for name, saved in (("alone", alone), ("both", turns))
            )
            yield f"seed {seed}", f"{len(turns):,}", mode, own, both


def score(
    dsn: str,
    schema: str,
    mode: Mode,
    model: Model,
    turns: Sequence[Turn],
    questions: Sequence[Question],
    ids: dict[str, str],
) -> str:
    """Save the turns; return recall@10 and first answers of all questions, in percent."""
    index: Any = {**model.index, "mode": mode}
    with AgentStore(dsn, schema=schema, index=index) as store:
        memory = ConversationMemory(store, "alice")
        memory.save_turns(turns)
        pairs = [
            ([ids[turn.key] for turn in memory.search(one.text, limit=DEPTH)], one.answers)
            for one in questions
        ]
    recalled = mean(recall(keys, answers, DEPTH) for keys, answers in pairs)
    first = mean(bool(set(keys[:1]) & set(answers)) for keys, answers in pairs)
    return f"{100 * recalled:.1f} / {100 * first:.1f}"


def _alone(turn: Turn) -> Turn:
    """Return the turn as if it were the only one of its thread."""
    return in_context(turn, None)


if __name__ == "__main__":
    sys.exit(main())
