"""`python -m benchmarks.memory.blocks`: how much of what answers a question a model is shown.

A graph of two nodes is asked questions in new threads: `recall_conversation` in mode "relevant",
with limits of 1,000 to 4,000 tokens, then a node that notes what a model would be shown.
Beside it, mode "latest" as it is by default: the latest 40 messages.

*Shown* is the share of the utterances that answer a question which are among it, in percent, with
a 95 % interval. A text of up to 240 characters must be there as a whole, of a longer one a stretch
of 100 characters. *Complete* is the share of questions of which all such utterances are shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean, median
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, recall_conversation

from ..bench import server
from ..harness import print_lines, print_table
from .command import corpora_of, memory_command, model_of
from .corpora import Conversation, Corpus, Question
from .figures import estimated
from .models import NO_MODEL, Model

WAYS: Mapping[str, Mapping[str, Any]] = {
    "the latest 40 messages": {"mode": "latest"},
    **{
        f"relevant, {tokens:,} tokens": {"mode": "relevant", "max_tokens": tokens}
        for tokens in (1_000, 1_500, 2_000, 4_000)
    },
    "1,500 tokens, whatever the relevance": {
        "mode": "relevant",
        "max_tokens": 1_500,
        "min_relevance": 0,
    },
}
"""The options of each recall."""

_WHOLE = 240
"""Characters of an utterance up to which all of it must be shown."""

_STRETCH = 100
_PATIENT: Any = {"command_timeout_s": 600}
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a question recalled: the shares of its answers, tokens and seconds."""

    question: Question
    shares: float
    tokens: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    parser = memory_command("benchmarks.memory.blocks", __doc__)
    parser.add_argument("--questions", type=int, default=50, help="of each corpus (default 50)")
    options = parser.parse_args(arguments)
    model = model_of(options)
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    with server() as dsn:
        for number, corpus in enumerate(corpora_of(options)):
            report(corpus, dsn, f"corpus_{number}", model, options.questions)
    return 0


def report(corpus: Corpus, dsn: str, schema: str, model: Model, count: int) -> None:
    """Print the table of a corpus."""
    index: Any = {**model.index, "mode": "hybrid"}
    asked = drawn(corpus, count)
    with AgentStore(dsn, schema=schema, index=index, pool=_PATIENT) as store:
        for each in corpus.conversations:
            turns = (passage.turn() for passage in each.passages())
            ConversationMemory(store, each.id).save_turns(turns)
        print_lines(f"{corpus.name}: {len(asked)} questions, {model.name}", "")
        rows = (
            _row(way, [shown(store, each, one, how) for each, one in asked])
            for way, how in WAYS.items()
        )
        print_table(("recalled", "shown", "complete", "tokens", "ms"), rows)
    print_lines("")


def drawn(corpus: Corpus, count: int) -> list[tuple[Conversation, Question]]:
    """Return questions with their conversations, the same ones at each run."""
    every = [(each, one) for each in corpus.conversations for one in each.questions]
    return Random(17).sample(every, min(count, len(every)))


def shown(
    store: AgentStore, conversation: Conversation, question: Question, how: Mapping[str, Any]
) -> Shown:
    """Ask a question in a new thread; return what a model would be shown."""
    memory = ConversationMemory(store, conversation.id)
    recall = recall_conversation(memory, timeout_s=_TIMEOUT_S, **how)
    begun = time.perf_counter()
    recalled = recalled_by(recall, question.text)
    seconds = time.perf_counter() - begun
    text = on_one_line(" ".join(message.text for message in recalled))
    said = {one.id: one.text for one in conversation.utterances}
    shares = mean(is_shown(said[id], text) for id in question.gold)
    return Shown(question, shares, count_tokens_approximately(recalled), seconds)


def recalled_by(recall: Any, text: str) -> list[BaseMessage]:
    """Return the messages that a model would be shown besides the question."""
    noted: list[BaseMessage] = []

    def note(state: MessagesState) -> dict[str, Any]:
        noted.extend(state["messages"])
        return {}

    graph = StateGraph(MessagesState).add_node("recall", recall).add_node("note", note)
    graph.add_edge(START, "recall").add_edge("recall", "note")
    asked: Any = {"messages": [("user", text)]}
    graph.compile().invoke(asked, {"configurable": {"thread_id": "a new thread"}})
    return [message for message in noted if message.text != text]


def is_shown(said: str, text: str) -> bool:
    """Return whether an utterance, or enough of a long one, is in a text."""
    line = on_one_line(said)
    needed = len(line) if len(line) <= _WHOLE else _STRETCH
    return any(line[at : at + needed] in text for at in range(len(line) - needed + 1))


def on_one_line(text: str) -> str:
    """Return the text with single spaces, as it is in the block."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.replace("—", "–").split())


def _row(way: str, results: Sequence[Shown]) -> tuple[str, ...]:
    shares = [one.shares for one in results]
    complete = mean(share == 1 for share in shares)
    tokens, seconds = (
        median(getattr(one, name) for one in results) for name in ("tokens", "seconds")
    )
    found = estimated(shares, range(len(shares)))
    return way, str(found), f"{100 * complete:.0f}", f"{tokens:,.0f}", f"{1000 * seconds:.0f}"


if __name__ == "__main__":
    sys.exit(main())
