"""`python -m benchmarks.neighbours`: what it gains that a turn is found by its neighbours' words.

The turns of `conversation` are saved in a `ConversationMemory`, once as it does by itself and
once each with its own text alone, and each question is searched for in all three modes. Printed is
a table in Markdown: recall@10, and for how many questions the first result is an answer, both in
percent. The models are those of `benchmarks.recall`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from statistics import mean

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn
from langgraph_agentstore.conversations.context_index import with_context

from .conversation import Question, conversation
from .recall import MODES, NO_MODEL, Mode, Model, find_model, recall, server, static_model

DEPTH = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    options = _options(arguments)
    model = static_model() if options.static else find_model()
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    print(
        f"{model.name}\n\n| seed | turns | mode | own text: recall@10 / first | neighbours' too |"
    )
    print("| --: | --: | :-- | --: | --: |")
    for seed in options.seeds:
        for line in lines(seed, model):
            print(line, flush=True)
    return 0


def lines(seed: int, model: Model) -> Iterator[str]:
    """A row of the table for each mode."""
    told, questions = conversation(seed)
    turns, ids = [], {}
    for one in sorted(told, key=lambda turn: turn.at):
        turn = new_turn(one.thread, f"{one.speaker}: {one.text}", "", at=one.at)
        turns.append(turn)
        ids[turn.key] = one.id
    with server() as dsn:
        for mode in MODES:
            alone = measured(dsn, f"alone_{mode}", mode, model, [_alone(t) for t in turns])
            own = score(alone, questions, ids)
            both = score(measured(dsn, f"both_{mode}", mode, model, turns), questions, ids)
            yield f"| {seed} | {len(turns):,} | {mode} | {own} | {both} |"


def measured(
    dsn: str, schema: str, mode: Mode, model: Model, turns: Sequence[Turn]
) -> ConversationMemory:
    """A memory of these turns whose searches go that way; its store stays open."""
    index = {"dims": model.dims, "embed": model.embed, "model": model.name, "mode": mode}
    memory = ConversationMemory(AgentStore(dsn, schema=schema, index=index), "alice")
    memory.save_turns(turns)
    return memory


def score(memory: ConversationMemory, questions: Sequence[Question], ids: dict[str, str]) -> str:
    """Recall@10 and first answers of all questions, in percent."""
    found = [
        [ids[turn.key] for turn in memory.search(question.text, limit=DEPTH)]
        for question in questions
    ]
    pairs = list(zip(found, questions, strict=True))
    recalled = mean(recall(keys, one.answers, DEPTH) for keys, one in pairs)
    first = mean(bool(set(keys[:1]) & set(one.answers)) for keys, one in pairs)
    return f"{100 * recalled:.1f} / {100 * first:.1f}"


def _alone(turn: Turn) -> Turn:
    """The turn as if it were the only one of its thread."""
    (alone,) = with_context([turn], lambda _turn: None)
    return alone


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.neighbours", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="of the conversations")
    parser.add_argument("--static", action="store_true", help="the word vectors of wordllama")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
