"""`python -m benchmarks.memory.relevance`: what a recall's least relevance keeps, and keeps out.

A recall shows turns where one of the best 20 has `min_relevance`, and then those that have half of
it. *Kept*: of the answers among the best 20, the share that is shown, in percent. *Beside*: of 40
messages about other things (half of them about code), the share that is shown anything, in
percent, and the mean number of turns that it is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from statistics import mean

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory

from ..bench import server
from ..harness import print_lines, print_table
from .command import corpora_of, memory_command, model_of
from .corpora import Corpus, code_corpus
from .models import NO_MODEL, Model

BOUNDS = (0.1, 0.12, 0.15, 0.2, 0.25)
LIMIT = 20
EVERY = 3
"""Every third question is asked."""

EVERYDAY = (
    "Write a haiku about mountains.",
    "Translate 'good morning' into Italian.",
    "What is 17 times 23?",
    "Summarize the plot of Hamlet.",
    "Give me a regex for e-mail addresses.",
    "Explain photosynthesis to a child.",
    "How tall is Mount Everest?",
    "Fix the grammar of this sentence.",
    "Which planet is the largest?",
    "Convert 5 miles into kilometers.",
    "Who painted the Mona Lisa?",
    "Sort this list in Python.",
    "What causes tides?",
    "Write a SQL query that counts rows.",
    "How do vaccines work?",
    "What does HTTP 404 mean?",
    "Name three prime numbers.",
    "Reverse a linked list in Haskell, please.",
    "Draft a polite reminder about the invoice.",
    "What is the capital of Australia?",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    options = memory_command("benchmarks.memory.relevance", __doc__).parse_args(arguments)
    model = model_of(options)
    if model is None:
        sys.stderr.write(f"{NO_MODEL}\n")
        return 1
    with server() as dsn:
        for number, corpus in enumerate(corpora_of(options)):
            report(corpus, dsn, f"corpus_{number}", model)
    return 0


def report(corpus: Corpus, dsn: str, schema: str, model: Model) -> None:
    """Save the corpus in a schema of its own, and print what each bound keeps."""
    answers: list[list[tuple[float, bool]]] = []
    beside: list[list[float]] = []
    about_code = code_corpus([1]).conversations[0].questions[: len(EVERYDAY)]
    with AgentStore(dsn, schema=schema, index={**model.index, "mode": "hybrid"}) as store:
        for each in corpus.conversations:
            memory, passages = ConversationMemory(store, each.id), each.passages()
            turns = [passage.turn() for passage in passages]
            memory.save_turns(turns)
            ids = {turn.key: one.ids for turn, one in zip(turns, passages, strict=True)}
            for asked in each.questions[::EVERY]:
                found = relevances(memory, asked.text)
                gold = set(asked.gold)
                answers.append([(share, bool(ids[key] & gold)) for key, share in found])
            others = (*EVERYDAY, *(question.text for question in about_code))
            beside += [[share for _, share in relevances(memory, text)] for text in others]
    print_lines(f"{corpus.name}, {model.name}", "")
    print_table(("min_relevance", "kept", "beside", "turns"), _rows(answers, beside))
    print_lines("")


def relevances(memory: ConversationMemory, text: str) -> list[tuple[str, float]]:
    """Return the keys of the best turns with their relevance."""
    found = memory.explain_search(text, limit=LIMIT)
    return [(one.turn.key, one.scores.relevance) for one in found if one.scores is not None]


def _rows(
    answers: Sequence[Sequence[tuple[float, bool]]], beside: Sequence[Sequence[float]]
) -> Iterator[tuple[str, ...]]:
    all_answers = sum(is_answer for one in answers for _, is_answer in one)
    for bound in BOUNDS:
        kept = sum(
            is_answer and share >= bound / 2
            for one in answers
            if any(share >= bound for share, _ in one)
            for share, is_answer in one
        )
        shown = [
            sum(share >= bound / 2 for share in one) if max(one, default=0) >= bound else 0
            for one in beside
        ]
        told = 100 * mean(map(bool, shown))
        yield f"{bound}", f"{100 * kept / all_answers:.0f}", f"{told:.0f}", f"{mean(shown):.1f}"


if __name__ == "__main__":
    sys.exit(main())
