"""`python -m benchmarks.memory.lab`: what each technique of ranking gains, without a store.

Recall of the formulas in `ranking.py`, first in steps, each adding a technique to the one
before, then with one technique left out of all. Differences are paired by question, with a 95 %
bootstrap interval over groups of questions; a star marks those that exclude zero. The words are
those of Postgres' text search.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psycopg

from langgraph_agentstore.conversations.indexed_text import in_context
from langgraph_agentstore.model.bigrams import spaced
from langgraph_agentstore.model.identifiers import with_identifiers

from ..bench import server
from ..harness import print_lines, print_table
from .command import corpora_of, memory_command, model_of
from .corpora import Conversation, Corpus
from .figures import Estimate, difference, estimated, recall
from .models import NO_MODEL, Model
from .ranking import Asked, Ranking, Text, Turns, counted

DEPTH = 10
END = 250
"""Characters of a turn's head and tail."""

BY_BEST = Ranking(covered=0)
"""All techniques, but a turn's words count in proportion to the best turn's."""

PLAIN = replace(BY_BEST, neighbors=(), length=0, thread=0, speaker=0)
"""A turn's own words and its similarity, by their scores."""

STEPS: Mapping[str, Ranking] = {
    "words, b = .75": replace(PLAIN, lists="words", b=0.75),
    "words, b = .4": replace(PLAIN, lists="words"),
    "vectors": replace(PLAIN, lists="vectors"),
    "both, by ranks among the best 25": replace(PLAIN, lists="ranks", b=0.75),
    "both, by scores": PLAIN,
    "+ neighbors' words": replace(BY_BEST, length=0, thread=0, speaker=0),
    "+ length": replace(BY_BEST, thread=0, speaker=0),
    "+ the thread's best": replace(BY_BEST, speaker=0),
    "+ the speaker named": BY_BEST,
    "+ words by the weights asked for": Ranking(),
}
"""Rankings, each compared with the one before it."""

WITHOUT: Mapping[str, Ranking] = {
    "words": replace(Ranking(), lists="vectors"),
    "vectors": replace(Ranking(), lists="words", length=0.4),
    "neighbors' words": replace(Ranking(), neighbors=()),
    "length": replace(Ranking(), length=0),
    "the thread's best": replace(Ranking(), thread=0),
    "the speaker named": replace(Ranking(), speaker=0),
}
"""Rankings with one technique off, each compared with all techniques on."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A memory in the lab: its turns, the ids that each holds, and its questions."""

    turns: Turns
    ids: Sequence[frozenset[str]]
    asked: Sequence[Asked]
    conversation: Conversation

    def recalls(self, ranking: Ranking, depth: int = DEPTH) -> list[float]:
        """Return the recall of each question."""
        return [
            recall(
                [self.ids[number] for number in self.turns.best(asked, ranking, depth)], gold, depth
            )
            for asked, gold in zip(self.asked, self._golds(), strict=True)
        ]

    def _golds(self) -> Iterator[Sequence[str]]:
        return (question.gold for question in self.conversation.questions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    parser = memory_command("benchmarks.memory.lab", __doc__)
    parser.add_argument("--depth", type=int, default=DEPTH, help="of recall")
    options = parser.parse_args(arguments)
    model = model_of(options)
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    with server() as dsn, psycopg.connect(dsn) as connection:
        for corpus in corpora_of(options):
            report(corpus, model, connection, options.depth)
    return 0


def report(corpus: Corpus, model: Model, connection: psycopg.Connection, depth: int) -> None:
    """Print the tables of a corpus."""
    memories = [examined(each, model, connection) for each in corpus.conversations]
    groups = [one.group for each in corpus.conversations for one in each.questions]
    count = sum(len(each.ids) for each in memories)
    print_lines(f"{corpus.name}: {count:,} turns, {len(groups)} questions, {model.name}", "")
    values = {name: _all(memories, ranking, depth) for name, ranking in STEPS.items()}
    print_table(("step", f"recall@{depth}", "difference"), _ladder(values, groups))
    print_lines("")
    every = _all(memories, Ranking(), depth)
    left_out = {name: _all(memories, ranking, depth) for name, ranking in WITHOUT.items()}
    stems = [examined(each, model, connection, searchable=spaced) for each in corpus.conversations]
    left_out["words of names in code"] = _all(stems, Ranking(), depth)
    rows = ((name, *_compared(recalls, every, groups)) for name, recalls in left_out.items())
    print_table(("without", f"recall@{depth}", "difference"), rows)
    print_lines("")


def _all(memories: Sequence[Examined], ranking: Ranking, depth: int) -> list[float]:
    return [value for memory in memories for value in memory.recalls(ranking, depth)]


def _ladder(
    values: Mapping[str, Sequence[float]], groups: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    before: Sequence[float] | None = None
    for name, recalls in values.items():
        if before is None:
            yield name, str(estimated(recalls, groups))
        else:
            yield name, *_compared(recalls, before, groups)
        before = recalls


def _compared(
    recalls: Sequence[float], others: Sequence[float], groups: Sequence[str]
) -> tuple[str, str]:
    gained: Estimate = difference(recalls, others, groups)
    return str(estimated(recalls, groups)), gained.signed


def searchable(text: str) -> str:
    """Return a text in the form that text search reads."""
    return with_identifiers(spaced(text))


def examined(
    conversation: Conversation,
    model: Model,
    connection: psycopg.Connection,
    *,
    searchable: Callable[[str], str] = searchable,
) -> Examined:
    """Return a memory of the conversation: its words are read from the server."""
    passages = conversation.passages()
    turns = [passage.turn() for passage in passages]
    indexed = [(in_context(turn).context or [""])[0] for turn in turns]
    ends = [spaced(text) for text in indexed]
    heads, tails, read = (
        words_of(connection, list(map(searchable, texts)))
        for texts in (
            [text[: cut(text)] for text in ends],
            [text[::-1][: cut(text[::-1])][::-1] for text in ends],
            indexed,
        )
    )
    texts = [
        Text(passage.session, words, frozenset(head), frozenset(tail), frozenset(turn.speakers))
        for passage, turn, words, head, tail in zip(
            passages, turns, read, heads, tails, strict=True
        )
    ]
    asked = [one.text for one in conversation.questions]
    query_words = words_of(connection, list(map(searchable, asked)))
    questions = [
        Asked(list(words), text, np.array(vector))
        for words, text, vector in zip(query_words, asked, model.embed(asked), strict=True)
    ]
    vectors = np.array(model.embed(indexed))
    return Examined(Turns(texts, vectors), [one.ids for one in passages], questions, conversation)


def cut(text: str) -> int:
    """Return the length of the text's beginning of at most `END` characters, in whole words."""
    if len(text) <= END:
        return len(text)
    return max(0, *(text.rfind(white, 0, END + 1) for white in " \n\t"))


def words_of(connection: psycopg.Connection, texts: Sequence[str]) -> list[Mapping[str, int]]:
    """Return the words of each text, as Postgres finds them in English, with frequencies."""
    rows = connection.execute(
        "SELECT coalesce(array_agg(w.lexeme) FILTER (WHERE w.lexeme IS NOT NULL), '{}'),"
        "       coalesce(array_agg(cardinality(w.positions)) FILTER (WHERE w.lexeme IS NOT NULL),"
        "                '{}')"
        "  FROM unnest(%s::text[]) WITH ORDINALITY AS t (text, nth)"
        "  LEFT JOIN LATERAL unnest(to_tsvector('english', t.text)) AS w ON true"
        " GROUP BY t.nth ORDER BY t.nth",
        (list(texts),),
    )
    return [counted(words, frequencies) for words, frequencies in rows]


if __name__ == "__main__":
    sys.exit(main())
