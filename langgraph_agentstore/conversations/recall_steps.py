"""What a user's message recalls: the program of a search, its neighbors, its facts, and the cut.

Turns of other threads that match the message come first, best first, each followed by its
neighbors where it is too short to be understood alone. Facts alternate with them. At the first
turn of a thread, the latest turns follow. As many as fit `max_tokens` are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Any, Literal, TypeAlias

from langchain_core.messages import HumanMessage
from langgraph.store.base import BaseStore, SearchItem

from ..html_tables import paragraph, rows_table
from ..memory_tools.fact_store import memory_namespaces
from ..model.checks import check_whole
from ..store.step_driver import Steps, StoreOps
from ..store.user_scope import part_of
from .background_saver import awaiting_savers
from .history import Budget, TokenCounter
from .indexed_text import Match
from .recall_block import (
    LONGEST_NEIGHBOR,
    RecalledPart,
    block_of,
    fact_line,
    fact_text,
    on_one_line,
    turn_line,
    wanted_words,
)
from .recall_question import Question, words_said
from .relevance_sql import check_relevance
from .sql import searched_part
from .stored_messages import RECALLED_ID
from .turn_query import TurnQuery
from .turn_reranking import TurnRerank, check_blocking, reranked, searched_limit
from .turn_scores import TurnScores
from .turn_store import NEWEST_PER_PAGE, TurnStore
from .turns import Turn, moment_of

_Limits: TypeAlias = tuple[int | None, int | None, TokenCounter | None]
"""The largest numbers of messages and of tokens, and what counts tokens."""

RecallMode = Literal["relevant", "latest", "both"]

DEFAULT_MAX_MESSAGES = 40
DEFAULT_BLOCK_TOKENS = 1_500
COMPANIONS = 0.5
"""The share of `min_relevance` that is enough where another turn has all of it."""

DEFAULT_MAX_TURNS = 20
SPARE_TURNS = 10
"""Turns searched for beyond `max_turns`: the thread may hold some of the best."""

SAVERS_WAIT_S = 0.5
"""How long turns that this process is saving are waited for: the reply waits too."""

BRIEF_WORDS = 40
"""A longer turn is understood without its neighbors."""


@dataclass(frozen=True, slots=True)
class RecallOptions:
    """The options of a recall by relevance, checked.

    Raises:
        InvalidOperationError: one of them makes no sense.
    """

    mode: RecallMode
    budget: Budget
    min_relevance: float
    max_turns: int
    memories: tuple[tuple[str, ...], ...]
    rerank: TurnRerank | None = None

    @classmethod
    def checked(
        cls,
        mode: RecallMode,
        limits: _Limits,
        min_relevance: float,
        max_turns: int,
        memories: Iterable[str | Sequence[str]],
        rerank: TurnRerank | None = None,
    ) -> RecallOptions:
        """Return the options, or raise."""
        max_messages, max_tokens, token_counter = limits
        most = DEFAULT_BLOCK_TOKENS if max_tokens is None else max_tokens
        budget = Budget(max_messages, most, token_counter)
        least = check_relevance(min_relevance)
        check_whole("max_turns", max_turns, 1)
        namespaces = memory_namespaces(memories)
        return cls(mode, budget, least, max_turns, namespaces, check_blocking(rerank))


@dataclass(frozen=True, slots=True)
class RecallExplanation:
    """The recall of a message, and the reasons.

    `text`: the block that a model is shown; None if nothing is recalled.
    `tokens`: its size, by the token counter of the recall.
    `parts`: everything that was considered, in the order in which it fills the block.
    """

    text: str | None
    tokens: int
    parts: tuple[RecalledPart, ...]

    def _repr_html_(self) -> str:
        """Return a table of what was considered: first whether the model is shown it."""
        rows = (
            (
                part.left_out or "shown",
                part.kind,
                "" if part.relevance is None else f"{part.relevance:.2f}",
                "" if part.scores is None else _by_arms(part.scores),
                part.line,
            )
            for part in self.parts
        )
        table = rows_table(("", "kind", "relevance", "found by", "line"), rows)
        return paragraph(f"{len(self.shown)} of {len(self.parts)}, {self.tokens} tokens") + table

    @property
    def shown(self) -> tuple[RecalledPart, ...]:
        """The parts that are in the block."""
        return tuple(part for part in self.parts if part.left_out is None)

    @property
    def entry(self) -> list[dict[str, Any]]:
        """The kinds, keys and scores of the parts that are shown, for traces."""
        return [
            {
                "kind": part.kind,
                "key": part.key,
                "score": part.score,
                "relevance": part.relevance,
            }
            for part in self.shown
        ]

    @property
    def message(self) -> HumanMessage | None:
        """The block as a message, with the fixed id of such messages."""
        if self.text is None:
            return None
        return HumanMessage(self.text, id=RECALLED_ID, additional_kwargs={"recalled": self.entry})


def _by_arms(scores: TurnScores) -> str:
    return ", ".join(f"{arm} {share:.0%}" for arm, share in scores.arms.items())


NOTHING = RecallExplanation(None, 0, ())


def recalling(
    turn_store: TurnStore, user_id: str, question: Question, options: RecallOptions
) -> Steps[RecallExplanation]:
    """Search, read neighbors, facts and the latest turns; return the block that fits.

    Raises:
        InvalidOperationError: the store has no index, and the mode needs one.
    """
    yield from awaiting_savers(turn_store.store, SAVERS_WAIT_S)
    wanted = wanted_words(question.text)
    parts: list[RecalledPart] = []
    searched = searched_part(question.text)
    if searched is not None and (options.mode == "relevant" or is_indexed(turn_store.store)):
        found = yield from _matching_turns(turn_store, searched, question, options)
        around = yield from _neighbors(turn_store, found, options)
        facts = yield from _matching_facts(turn_store.store, user_id, question, options)
        parts = _ranked(found, around, facts, wanted, question, options)
    if options.mode == "both" and question.is_first_turn:
        latest = yield from _newest_turns(turn_store, question, options.budget)
        parts += [_part("latest", turn, wanted) for turn in latest]
    return _fitted(_each_once(parts), options.budget)


def is_indexed(store: BaseStore) -> bool:
    """Tell whether a store can be searched for words or meanings."""
    return getattr(store, "index_config", True) is not None


@dataclass(frozen=True, slots=True)
class _Found:
    turn: Turn
    score: float | None
    relevance: float
    scores: TurnScores | None


def _matching_turns(
    turn_store: TurnStore, searched: str, question: Question, options: RecallOptions
) -> Steps[list[_Found]]:
    """Return the turns that match, best first, without those that the thread holds already."""
    search = TurnQuery(
        searched,
        searched_limit(options.rerank, options.max_turns + SPARE_TURNS),
        question.only_thread_id,
        except_thread_id=question.thread_id,
    )
    matches = yield from turn_store.search(search)
    new = [match for match in matches if not question.has_in_its_thread(match.turn)]
    new = yield from reranked(options.rerank, question.text, new)
    wanted = wanted_words(searched)
    return [
        _Found(m.turn, m.score, _relevance_of(m, wanted), m.scores)
        for m in new[: options.max_turns]
    ]


def _relevance_of(match: Match, wanted: frozenset[str]) -> float:
    if match.scores is not None:
        return match.scores.relevance
    # Another store tells at most a similarity.
    return max(_share(wanted, match.turn.text), min(match.similarity or 0.0, 1.0))


def _share(wanted: frozenset[str], text: str) -> float:
    """Return the share of the wanted words that a text has; longer words count more."""
    weights = {word: max(len(word) - 2, 0) for word in wanted}
    has = wanted_words(text)
    total = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in has) / total if total else 0.0


def _least_relevance(found: Sequence[_Found], options: RecallOptions) -> float:
    """Return the relevance from which on turns are shown.

    Once one turn is relevant, those that are half as much may hold the rest of the answer.
    """
    is_answered = any(one.relevance >= options.min_relevance for one in found)
    return options.min_relevance * (COMPANIONS if is_answered else 1)


def _neighbors(
    turn_store: TurnStore, found: Sequence[_Found], options: RecallOptions
) -> Steps[list[Turn]]:
    least = _least_relevance(found, options)
    brief = [
        one.turn
        for one in found
        if one.relevance >= least and len(one.turn.text.split()) <= BRIEF_WORDS
    ]
    return (yield from turn_store.neighbors(brief)) if brief else []


def _matching_facts(
    store: BaseStore, user_id: str, question: Question, options: RecallOptions
) -> Steps[list[tuple[tuple[str, ...], SearchItem, float]]]:
    """Return items of the namespaces of `memories`, each with its relevance."""
    if not options.memories:
        return []
    parts = [part_of(store, user_id, labels) for labels in options.memories]
    ops = [part.search_op(options.max_turns, query=searched_part(question.text)) for part in parts]
    results = yield StoreOps(parts[0].store, ops)
    wanted = wanted_words(question.text)
    return [
        (labels, item, _relevance(wanted, item))
        for labels, items in zip(options.memories, results, strict=True)
        for item in items
        if on_one_line(fact_text(item.value)) not in question.known_texts
    ]


def _relevance(wanted: frozenset[str], item: SearchItem) -> float:
    similarity = getattr(item, "similarity", None)
    return max(_share(wanted, fact_text(item.value)), similarity or 0.0)


def _ranked(
    found: Sequence[_Found],
    around: Sequence[Turn],
    facts: Sequence[tuple[tuple[str, ...], SearchItem, float]],
    wanted: frozenset[str],
    question: Question,
    options: RecallOptions,
) -> list[RecalledPart]:
    """Return turns, each followed by its neighbors, and facts, in turns, best first."""
    least = _least_relevance(found, options)
    of_facts = [(fact[2] >= options.min_relevance, [_fact_part(*fact, wanted)]) for fact in facts]
    of_turns = []
    for one in found:
        part = _part("relevant", one.turn, wanted)
        group = [replace(part, score=one.score, relevance=one.relevance, scores=one.scores)]
        group += [
            _part("neighbor", turn, wanted)
            for turn in _next_to(one.turn, around)
            if not question.has_in_its_thread(turn)
        ]
        of_turns.append((one.relevance >= least, group))
    # The scores of facts and of turns do not compare.
    groups = filter(None, chain.from_iterable(zip_longest(of_turns, of_facts)))
    return [
        part if is_relevant else replace(part, left_out="min_relevance")
        for is_relevant, group in groups
        for part in group
    ]


def _next_to(turn: Turn, around: Sequence[Turn]) -> Iterator[Turn]:
    """Yield the turns before and after one in its thread."""
    thread = [one for one in around if one.thread_id == turn.thread_id]
    before = [one for one in thread if one.order < turn.order]
    after = [one for one in thread if one.order > turn.order]
    if before:
        yield max(before, key=lambda one: one.order)
    if after:
        yield min(after, key=lambda one: one.order)


def _part(
    kind: Literal["relevant", "neighbor", "latest"],
    turn: Turn,
    wanted: frozenset[str],
) -> RecalledPart:
    longest = {"longest": LONGEST_NEIGHBOR} if kind == "neighbor" else {}
    line = turn_line(turn, wanted, **longest)
    thread_id, at = turn.thread_id, turn.timestamp
    return RecalledPart(kind, turn.key, thread_id, None, at, line)


def _fact_part(
    labels: tuple[str, ...], item: SearchItem, relevance: float, wanted: frozenset[str]
) -> RecalledPart:
    at = moment_of(item.value.get("updated_at"), item.updated_at)
    line = fact_line(labels, item.value, at, wanted)
    return RecalledPart("memory", item.key, None, labels, at, line, item.score, relevance)


def _newest_turns(turn_store: TurnStore, question: Question, budget: Budget) -> Steps[list[Turn]]:
    """Return the newest turns, newest first, with at most `max_messages` messages."""
    most = budget.max_messages or NEWEST_PER_PAGE
    page_size = min(NEWEST_PER_PAGE, most)
    page = yield from turn_store.newest_first(question.only_thread_id, page_size)()
    taken: list[Turn] = []
    for turn in page:
        if question.has_in_its_thread(turn):
            continue
        most -= len(words_said(turn))
        if most < 0:
            break
        taken.append(turn)
    return taken


def _each_once(parts: Iterable[RecalledPart]) -> list[RecalledPart]:
    """Return the parts without repetitions: none of equal key, none of equal words."""
    left_out: dict[tuple[object, ...], RecalledPart] = {}
    shown: dict[tuple[object, ...], RecalledPart] = {}
    for part in parts:
        place = part.thread_id, part.namespace, part.key
        known = shown if part.left_out is None else left_out
        # A turn that matches shows more than the same turn as a neighbor of a better one.
        if place not in known or part.kind == "relevant":
            known[place] = part
    said: dict[str, RecalledPart] = {}
    for part in shown.values():
        said.setdefault(part.line.partition(" — ")[2], part)
    return [*said.values(), *(part for place, part in left_out.items() if place not in shown)]


def _fitted(parts: list[RecalledPart], budget: Budget) -> RecallExplanation:
    """Return the block of as many parts as fit, in their order."""
    offered = [part for part in parts if part.left_out is None]
    rest = [part for part in parts if part.left_out is not None]
    fits, exceeds = 0, len(offered) + 1
    # The token counter may be a model far away: it is asked a few times, not once for each part.
    while exceeds - fits > 1:
        tried = len(offered) if exceeds > len(offered) else (fits + exceeds) // 2
        if budget.fits([HumanMessage(block_of(offered[:tried]))]):
            fits = tried
        else:
            exceeds = tried
    left = [replace(part, left_out="max_tokens") for part in offered[fits:]]
    if not fits:
        return RecallExplanation(None, 0, (*left, *rest))
    text = block_of(offered[:fits])
    tokens = budget.count([HumanMessage(text)])
    return RecallExplanation(text, tokens, (*offered[:fits], *left, *rest))
