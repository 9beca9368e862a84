"""`python -m benchmarks.memory`: how much of what answers a question is found, by way of search.

Each conversation is one user's memory; all of them are in one store on the bundled Postgres. Every
question is asked by `ConversationMemory.search`, and by the store's own `search` over the same
turns, as one text behind their day, by words, by vectors and by both. The official Postgres store
searches the same texts by vectors, with its default index.

Recall@k is the share of a question's answers among the first k results, in percent; `sessions@10`
the share of the answers' sessions that the first ten results come from. Intervals are of 95 %, by
the bootstrap over groups of questions: conversations, or threads in generated talk.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, Literal, TypeAlias

from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn

from ..bench import server
from ..harness import print_lines, print_table
from .command import corpora_of, memory_command, model_of
from .corpora import Conversation, Corpus, Passage, Question
from .figures import Estimate, estimated, recall
from .models import NO_MODEL, Model
from .official import official_store, put_texts
from .plot import write_plot

Mode: TypeAlias = Literal["vector", "text", "hybrid"]
Search: TypeAlias = Callable[[str], Sequence[str]]
"""Takes a question, returns the keys of the results, best first."""

MODES: tuple[Mode, ...] = ("text", "vector", "hybrid")
OFFICIAL = "official store, vector"
WAYS = (*(f"{way}, {mode}" for way in ("store", "conversations") for mode in MODES), OFFICIAL)
DEPTHS = (5, 10, 20)
PATIENT: Any = {"command_timeout_s": 600}
"""Large loads into a table that has its index take long on a busy machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The turns that were found for a question, best first, and how long it took."""

    question: Question
    found: Sequence[Passage]
    sessions: frozenset[str]
    seconds: float

    def recall(self, depth: int) -> float:
        """Return the share of the answers that was found."""
        return recall([one.ids for one in self.found], self.question.gold, depth)

    def session_recall(self, depth: int) -> float:
        """Return the share of the answers' sessions that was found."""
        return recall([{one.session} for one in self.found], self.sessions, depth)


Answers: TypeAlias = Mapping[str, Sequence[Answer]]
"""By way of search, the answers to all questions in the same order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    parser = memory_command("benchmarks.memory", __doc__)
    parser.add_argument("--plot", type=Path, help="an SVG file to write")
    options = parser.parse_args(arguments)
    model = model_of(options)
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    found: dict[str, dict[str, Estimate]] = {}
    with server() as dsn:
        for number, corpus in enumerate(corpora_of(options)):
            answers = examine(corpus, dsn, f"corpus_{number}", model)
            report(corpus, answers, model)
            found[corpus.name] = estimates(answers)
    if options.plot:
        write_plot(options.plot, model.name, found)
    return 0


def examine(corpus: Corpus, dsn: str, schema: str, model: Model) -> Answers:
    """Save the corpus in a schema of its own; return the answers of each way of search."""
    answers: dict[str, list[Answer]] = {way: [] for way in WAYS}
    saved: dict[str, dict[str, Passage]] = {}
    for mode in ("hybrid", *MODES):
        # The first store saves; each of the others searches what it saved, in its mode.
        index: Any = {**model.index, "fields": ["line"], "mode": mode}
        with AgentStore(dsn, schema=schema, index=index, pool=PATIENT) as store:
            for each in corpus.conversations:
                if each.id not in saved:
                    saved[each.id] = save(store, each)
                    continue
                for way, search in searches(store, each.id).items():
                    answers[f"{way}, {mode}"] += asked(each, saved[each.id], search)
    with official_store(dsn, f"{schema}_official", model) as official:
        for each in corpus.conversations:
            passages = saved[each.id]
            lines = {key: line(one.turn()) for key, one in passages.items()}
            put_texts(official, _texts(each.id), lines)
        for each in corpus.conversations:
            answers[OFFICIAL] += asked(each, saved[each.id], _found_by(official, each.id))
    return answers


def save(store: AgentStore, conversation: Conversation) -> dict[str, Passage]:
    """Save a conversation as turns and as texts; return its passages by key."""
    passages = conversation.passages()
    turns = [passage.turn() for passage in passages]
    ConversationMemory(store, conversation.id).save_turns(turns)
    store.load((_texts(conversation.id), turn.key, {"line": line(turn)}) for turn in turns)
    return {turn.key: passage for turn, passage in zip(turns, passages, strict=True)}


def _texts(user: str) -> tuple[str, ...]:
    return ("users", user, "texts")


def line(turn: Turn) -> str:
    """Return a turn as one text: an embedding knows only what is in its own text."""
    return f"{turn.timestamp.day} {turn.timestamp:%B %Y}, {turn.text}"


def searches(store: AgentStore, user: str) -> dict[str, Search]:
    """Return both ways to search a user's turns."""
    memory, limit = ConversationMemory(store, user), DEPTHS[-1]
    return {
        "store": _found_by(store, user),
        "conversations": lambda text: [turn.key for turn in memory.search(text, limit=limit)],
    }


def _found_by(store: BaseStore, user: str) -> Search:
    """Return the search of a user's texts in any store."""
    limit = DEPTHS[-1]
    return lambda text: [item.key for item in store.search(_texts(user), query=text, limit=limit)]


def asked(
    conversation: Conversation, passages: Mapping[str, Passage], search: Search
) -> Iterator[Answer]:
    """Ask all questions of a conversation; the first one once more, to warm up."""
    session_of = {one.id: one.session for one in conversation.utterances}
    for question in conversation.questions[:1]:
        search(question.text)
    for question in conversation.questions:
        begun = time.perf_counter()
        keys = search(question.text)
        seconds = time.perf_counter() - begun
        sessions = frozenset(session_of[id] for id in question.gold)
        yield Answer(question, [passages[key] for key in keys], sessions, seconds)


def report(corpus: Corpus, answers: Answers, model: Model) -> None:
    """Print how each way of search did, and then by kind of question."""
    turns = sum(len(each.passages()) for each in corpus.conversations)
    questions = sum(len(each.questions) for each in corpus.conversations)
    memories = len(corpus.conversations)
    print_lines(
        f"{corpus.name}: {memories} memories, {turns:,} turns, {questions} questions, {model.name}",
        "",
    )
    headings = [*(f"recall@{depth}" for depth in DEPTHS), "sessions@10", "ms"]
    print_table(("search", *headings), map(_row, answers.items()))
    print_lines("")
    print_table(("recall@10", "n", *answers), by_kind(answers))
    print_lines("")


def _row(entry: tuple[str, Sequence[Answer]]) -> tuple[str, ...]:
    way, given = entry
    groups = [one.question.group for one in given]
    cells = [
        *(estimated([one.recall(depth) for one in given], groups) for depth in DEPTHS),
        estimated([one.session_recall(10) for one in given], groups),
    ]
    took = median(one.seconds for one in given)
    return way, *map(str, cells), f"{1000 * took:.1f}"


def estimates(answers: Answers) -> dict[str, Estimate]:
    """Return recall@10 of each way of search."""
    return {
        way: estimated([one.recall(10) for one in given], [one.question.group for one in given])
        for way, given in answers.items()
    }


def by_kind(answers: Answers) -> Iterator[tuple[str, ...]]:
    """Yield a row of recall@10 for each kind of question and one for all, in percent."""
    kinds = [one.question.kind for one in next(iter(answers.values()))]
    for kind in (*dict.fromkeys(kinds), "all"):
        numbers = [n for n, each in enumerate(kinds) if kind in (each, "all")]
        cells = (mean(given[n].recall(10) for n in numbers) for given in answers.values())
        yield kind, str(len(numbers)), *(f"{100 * cell:.1f}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
