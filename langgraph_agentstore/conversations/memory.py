"""`ConversationMemory`: one user's conversations in all threads; also LangChain's chat history.

Each method and its async form run one program of steps; see `store/step_driver.py`. The async form
of a method whose program may take long between its steps runs the program in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, MessageLikeRepresentation
from langgraph.store.base import BaseStore
from typing_extensions import override

from .._support.lifecycle import Handle
from .._support.progress import Progress
from ..memory_tools.fact_store import FactStore, memory_namespaces
from ..model.checks import check_whole
from ..model.users import check_user_id
from ..store.step_driver import Steps, arun, arun_in_threads, run
from .background_saver import awaiting_savers
from .export import ExportFormat, ExportTarget, exporting_turns
from .history import Budget, TokenCounter, history_of
from .indexed_text import Match
from .keys import ConversationKey, check_thread_id, in_utc
from .postgres_turn_store import turn_store_of
from .recall_question import Question
from .recall_steps import (
    DEFAULT_MAX_MESSAGES,
    DEFAULT_MAX_TURNS,
    RecallExplanation,
    RecallMode,
    RecallOptions,
    recalling,
)
from .relevance_sql import MIN_RELEVANCE, check_relevance
from .repository import BaseStoreRepository
from .sql import searched_part
from .stored_messages import as_messages
from .turn_query import TurnQuery
from .turn_reranking import TurnRerank, reranked, searched_limit
from .turn_store import NEWEST_PER_PAGE, TURNS_PER_PAGE, NextPage, TurnStore
from .turns import ThreadSummary, Turn, TurnRange, new_turn, split_into_turns, turn_of_messages


class ConversationMemory(Handle):
    """One user's conversations, saved as turns, for use in every later thread.

    `ax` is the async form of `x`.

    Args:
        store: an `AgentStore` or a view of one, any other LangGraph store, or a repository.
        user_id: any non-empty string, such as an e-mail address.
        shared_by: another user, who shares `("conversations",)` with this one. The memory is then
            of that user's conversations, as far as the share allows: without one, nothing is
            found, and writes raise `NotPermittedError`.

    Raises:
        MissingUserError: the user id is empty.
        ConfigurationError: `shared_by` with a store that shares nothing, or with the same user.
    """

    def __init__(
        self,
        store: BaseStore | BaseStoreRepository,
        user_id: str,
        *,
        shared_by: str | None = None,
    ) -> None:
        self.user_id = check_user_id(user_id)
        self.store = store.store if isinstance(store, BaseStoreRepository) else store
        self._turn_store: TurnStore = turn_store_of(self.store, self.user_id, shared_by)
        self._executor = self._turn_store.executor

    def save_turn(
        self,
        query: str,
        response: str,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
    ) -> ConversationKey:
        """Save a question and its answer; return the key of the turn.

        Parts that JSON cannot hold are converted, or replaced by a note with a warning.

        Args:
            query: what was asked or said. A name before a colon, as in "Mary: I went", tells who.
            response: the answer; empty if there was none.
            thread_id: the thread of the turn.
            metadata: saved with the turn.
            at: when it was said, with a time zone; None for now.

        Raises:
            ValueTypeError: query or response is not a string, metadata not a mapping, or `at` not
                a datetime with a time zone.
            ValueTypeError, InvalidKeyError, InvalidValueError: the thread id is not valid.
        """
        turn = new_turn(thread_id, query, response, metadata, at)
        return run(self._saving([turn]), self._executor)[0]

    async def asave_turn(
        self,
        query: str,
        response: str,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
    ) -> ConversationKey:
        """Async form of `save_turn`."""
        turn = new_turn(thread_id, query, response, metadata, at)
        return (await arun(self._saving([turn]), self._executor))[0]

    def save_messages(
        self,
        messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
    ) -> list[ConversationKey]:
        """Save messages as turns, each beginning with a person's message; return their keys.

        A person's message with another `name` than the one before begins a new turn. Tool calls,
        multimodal content and ids are read back unchanged. Parts that JSON cannot hold are
        converted, or replaced by a note with a warning.

        Args:
            messages: LangChain's messages, chunks of streamed messages, dicts with `role` and
                `content`, or pairs of role and content.
            thread_id: the thread of the turns.
            metadata: saved with each turn.
            at: when the first turn was said, with a time zone; each further turn is a microsecond
                later. None for now.

        Raises:
            ValueTypeError: one of them is not a message, or `at` not a datetime with a time zone.
            ValueTypeError, InvalidKeyError, InvalidValueError: the thread id is not valid.
        """
        return run(self._saving_messages(messages, thread_id, metadata, at), self._executor)

    async def asave_messages(
        self,
        messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
    ) -> list[ConversationKey]:
        """Async form of `save_messages`."""
        steps = self._saving_messages(messages, thread_id, metadata, at)
        return await arun_in_threads(steps, self._executor)

    def save_turns(self, turns: Iterable[Turn], *, progress: Progress | bool | None = None) -> int:
        """Save any number of turns; return their number.

        An `AgentStore` loads them by COPY, in constant memory. A turn replaces the stored turn of
        the same key.

        Args:
            turns: any iterable of turns, from `new_turn` or from another memory; the turns of each
                thread in the order in which they were said.
            progress: called with the number of turns written so far; True shows a bar on a
                terminal and in a notebook.
        """
        context = self._turn_store.context_writer()
        told = (run(context.with_context(turn), self._executor) for turn in turns)
        return self._turn_store.load(told, progress)

    async def asave_turns(
        self, turns: Iterable[Turn], *, progress: Progress | bool | None = None
    ) -> int:
        """Async form of `save_turns`; the iterable and `progress` are used in another thread."""
        return await asyncio.to_thread(self.save_turns, turns, progress=progress)

    def turns(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """Yield all turns, or those of one thread, oldest first, reading page by page.

        Memory use is constant: turns that do not fit are sorted in temporary files.

        Args:
            thread_id: the thread; None for all threads.
            since: return only turns said at or after this time; with a time zone.
            until: return only turns said before this time; with a time zone.
        """
        next_page = self._oldest_first(thread_id, since, until)
        run(awaiting_savers(self.store))

        def turns() -> Iterator[Turn]:
            while page := run(next_page(), self._executor):
                yield from page

        return turns()

    async def aturns(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[Turn]:
        """Async form of `turns`, for `async for`."""
        next_page = self._oldest_first(thread_id, since, until)
        await arun(awaiting_savers(self.store))
        while page := await arun_in_threads(next_page(), self._executor):
            for turn in page:
                yield turn

    def messages(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[BaseMessage]:
        """Return the messages of `turns`, ready for a new thread.

        Tool calls without an answer are left out, and so are answers without a call.
        """
        return run(self._reading_messages(thread_id, since, until), self._executor)

    async def amessages(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[BaseMessage]:
        """Async form of `messages`."""
        steps = self._reading_messages(thread_id, since, until)
        return await arun_in_threads(steps, self._executor)

    def resume(
        self,
        thread_id: str | None = None,
        max_messages: int | None = None,
        max_tokens: int | None = None,
        token_counter: TokenCounter | None = None,
    ) -> list[BaseMessage]:
        """Return the latest messages that fit, oldest first, for a thread that continues them.

        Only about as many messages are read as fit. The first message is a user message. Tool
        calls without an answer are left out, and so are answers without a call.

        Args:
            thread_id: the thread; None for all threads, as if they were one.
            max_messages: the maximum number of messages; None for no limit.
            max_tokens: the maximum number of tokens; None for no limit.
            token_counter: a chat model or a function, as for `trim_messages`; by default, four
                characters count as a token.
        """
        budget = Budget(max_messages, max_tokens, token_counter)
        return run(self._resuming(thread_id, budget), self._executor)

    async def aresume(
        self,
        thread_id: str | None = None,
        max_messages: int | None = None,
        max_tokens: int | None = None,
        token_counter: TokenCounter | None = None,
    ) -> list[BaseMessage]:
        """Async form of `resume`; the token counter is called in another thread."""
        budget = Budget(max_messages, max_tokens, token_counter)
        return await arun_in_threads(self._resuming(thread_id, budget), self._executor)

    def threads(self) -> list[ThreadSummary]:
        """Return a summary of every thread, the latest first."""
        return run(self._summing_up(), self._executor)

    async def athreads(self) -> list[ThreadSummary]:
        """Async form of `threads`."""
        return await arun(self._summing_up(), self._executor)

    def search(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
        min_relevance: float | None = None,
        rerank: TurnRerank | None = None,
    ) -> list[Turn]:
        """Return the turns that match a query, best first, of all threads or of one.

        A turn is found by its own words and by those of the turns before and after it. The mode of
        the store's index decides whether vectors, words or both are compared. No word of the query
        is required or excluded. A query without a letter, digit or symbol returns the latest turns.

        Args:
            query: the text to search for.
            thread_id: the thread to search; None for all threads.
            since: search only turns said at or after this time; with a time zone.
            until: search only turns said before this time; with a time zone.
            limit: the maximum number of turns.
            min_similarity: drop turns that are less similar to the query; see `AgentStore.search`.
                Needs an `AgentStore` with an embedder.
            min_relevance: drop turns that have less to do with the query, from 0 to 1; 0.2 drops
                most that is beside the question. Needs an `AgentStore`.
            rerank: a function that gets the query and the best 50 matches, as `explain_search`
                returns them. It returns a score for each, or the matches in a new order.

        Raises:
            ValueTypeError: a time is not a datetime with a time zone.
            InvalidOperationError: the store has no index, the limit is below 1, `min_relevance` is
                not from 0 to 1, the store does not tell similarities or relevance, or `rerank`
                returns something else, or is awaitable where `asearch` is needed.
        """
        within, least = _range(thread_id, since, until), (min_similarity, min_relevance)
        found = self._matching(query, within, limit, least, rerank)
        return [match.turn for match in run(found, self._executor)]

    async def asearch(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
        min_relevance: float | None = None,
        rerank: TurnRerank | None = None,
    ) -> list[Turn]:
        """Async form of `search`."""
        within, least = _range(thread_id, since, until), (min_similarity, min_relevance)
        found = self._matching(query, within, limit, least, rerank)
        return [match.turn for match in await arun(found, self._executor)]

    def explain_search(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
        min_relevance: float | None = None,
        rerank: TurnRerank | None = None,
    ) -> list[Match]:
        """Search as `search` does; return each turn with its score and why it was found.

        `scores` tells the parts of the score, the ranks, the words that match and the speaker whom
        the query names. It is None for the latest turns, which a query without a word returns, and
        in stores other than an `AgentStore`.
        """
        within, least = _range(thread_id, since, until), (min_similarity, min_relevance)
        found = self._matching(query, within, limit, least, rerank)
        return run(found, self._executor)

    async def aexplain_search(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
        min_relevance: float | None = None,
        rerank: TurnRerank | None = None,
    ) -> list[Match]:
        """Async form of `explain_search`."""
        within, least = _range(thread_id, since, until), (min_similarity, min_relevance)
        found = self._matching(query, within, limit, least, rerank)
        return await arun(found, self._executor)

    def explain_recall(
        self,
        query: str,
        *,
        mode: RecallMode = "both",
        thread_id: str | None = None,
        max_messages: int | None = DEFAULT_MAX_MESSAGES,
        max_tokens: int | None = None,
        min_relevance: float = MIN_RELEVANCE,
        max_turns: int = DEFAULT_MAX_TURNS,
        memories: Iterable[str | Sequence[str]] = (),
        token_counter: TokenCounter | None = None,
        rerank: TurnRerank | None = None,
    ) -> RecallExplanation:
        """Return what `recall_conversation` would show for a message, and why.

        In mode "both", the message is the first one of its thread.

        Args:
            query: the user's message.
            mode: "relevant" or "both"; see `recall_conversation`.
            thread_id: the thread of the message, from which nothing is recalled; None for a new
                thread.
            max_messages: as for `recall_conversation`; so are the other arguments.
            max_tokens: None for 1,500.
            min_relevance: from 0 to 1.
            max_turns: the maximum number of turns that match.
            memories: namespaces below the user.
            token_counter: a function or a chat model that counts tokens.
            rerank: a blocking function that orders the best matches.

        Raises:
            InvalidOperationError: the store has no index and the mode is "relevant", or a limit
                makes no sense.
        """
        limits = max_messages, max_tokens, token_counter
        options = RecallOptions.checked(mode, limits, min_relevance, max_turns, memories, rerank)
        return run(self._recalling(Question(query, thread_id), options), self._executor)

    async def aexplain_recall(
        self,
        query: str,
        *,
        mode: RecallMode = "both",
        thread_id: str | None = None,
        max_messages: int | None = DEFAULT_MAX_MESSAGES,
        max_tokens: int | None = None,
        min_relevance: float = MIN_RELEVANCE,
        max_turns: int = DEFAULT_MAX_TURNS,
        memories: Iterable[str | Sequence[str]] = (),
        token_counter: TokenCounter | None = None,
        rerank: TurnRerank | None = None,
    ) -> RecallExplanation:
        """Async form of `explain_recall`; the token counter is called in another thread."""
        limits = max_messages, max_tokens, token_counter
        options = RecallOptions.checked(mode, limits, min_relevance, max_turns, memories, rerank)
        steps = self._recalling(Question(query, thread_id), options)
        return await arun_in_threads(steps, self._executor)

    def forget(self, thread_id: str, *, memories: Sequence[str | Sequence[str]] = ()) -> int:
        """Delete a thread; return the number of its turns.

        Args:
            thread_id: the thread.
            memories: namespaces of facts, such as `("facts",)` for the default of `memory_tools`;
                what the thread added to them is deleted too. A fact that another thread said
                before gets that text back.
        """
        return run(self._forgetting(thread_id, memories), self._executor)

    async def aforget(self, thread_id: str, *, memories: Sequence[str | Sequence[str]] = ()) -> int:
        """Async form of `forget`."""
        return await arun(self._forgetting(thread_id, memories), self._executor)

    def export(
        self,
        path: str | PathLike[str],
        format: ExportFormat | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        thread_id: str | None = None,
        progress: Progress | bool | None = None,
        escape_formulas: bool = True,
    ) -> int:
        """Write turns to a file, oldest first, in constant memory; return their number.

        The file appears only when it is complete.

        Args:
            path: the file. Its suffix sets the format: `.jsonl`, `.csv` or `.parquet`. Add `.gz` or
                `.zst` to the first two for compression. Any other suffix means JSON Lines.
            format: "jsonl", "csv" or "parquet"; overrides the suffix.
            since: as for `turns`.
            until: as for `turns`.
            thread_id: as for `turns`.
            progress: as for `AgentStore.load`.
            escape_formulas: in CSV, write `'` before a text that a spreadsheet would run as a
                formula. False writes exact texts. The other formats are always exact.

        Raises:
            ConfigurationError: the format is unknown, or the folder does not exist.
            MissingExtraError: Parquet needs the extra `parquet`.
        """
        target = ExportTarget(path, format, progress, escape_formulas)
        steps = self._exporting(self._oldest_first(thread_id, since, until), target)
        return run(steps, self._executor)

    async def aexport(
        self,
        path: str | PathLike[str],
        format: ExportFormat | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        thread_id: str | None = None,
        progress: Progress | bool | None = None,
        escape_formulas: bool = True,
    ) -> int:
        """Async form of `export`."""
        target = ExportTarget(path, format, progress, escape_formulas)
        steps = self._exporting(self._oldest_first(thread_id, since, until), target)
        return await arun_in_threads(steps, self._executor)

    def _saving(self, turns: Sequence[Turn]) -> Steps[list[ConversationKey]]:
        if turns:
            context = self._turn_store.context_writer()
            told = yield from context.all_with_context(turns)
            yield from self._turn_store.put(told)
        return [ConversationKey.parse(turn.key) for turn in turns]

    def _saving_messages(
        self,
        messages: Any,
        thread_id: str,
        metadata: Mapping[str, Any] | None,
        at: datetime | None,
    ) -> Steps[list[ConversationKey]]:
        first = None if at is None else in_utc(at)
        turns = split_into_turns(as_messages(messages))
        saved = [
            turn_of_messages(
                turn,
                thread_id,
                metadata,
                at=None if first is None else first + timedelta(microseconds=number),
            )
            for number, turn in enumerate(turns)
        ]
        return (yield from self._saving(saved))

    def _oldest_first(
        self, thread_id: str | None, since: datetime | None, until: datetime | None
    ) -> NextPage[Turn]:
        thread_id = None if thread_id is None else check_thread_id(thread_id)
        return self._turn_store.oldest_first(_range(thread_id, since, until))

    def _reading_messages(
        self, thread_id: str | None, since: datetime | None, until: datetime | None
    ) -> Steps[list[BaseMessage]]:
        next_page = self._oldest_first(thread_id, since, until)
        yield from awaiting_savers(self.store)
        turns: list[Turn] = []
        while page := (yield from next_page()):
            turns += page
        return history_of(turns)

    def _resuming(self, thread_id: str | None, budget: Budget) -> Steps[list[BaseMessage]]:
        if thread_id is not None:
            check_thread_id(thread_id)
        yield from awaiting_savers(self.store)
        # A turn has at least one message, and one message more shows that the others fit.
        size = min(NEWEST_PER_PAGE, (budget.max_messages or NEWEST_PER_PAGE) + 1)
        turns = yield from budget.latest_of(self._turn_store.newest_first(thread_id, size))
        return budget.trimmed(history_of(turns))

    def _summing_up(self) -> Steps[list[ThreadSummary]]:
        yield from awaiting_savers(self.store)
        return (yield from self._turn_store.threads())

    def _matching(
        self,
        query: str,
        within: TurnRange,
        limit: int,
        least: tuple[float | None, float | None],
        rerank: TurnRerank | None,
    ) -> Steps[list[Match]]:
        min_similarity, min_relevance = least
        check_whole("limit", limit, 1)
        if min_relevance is not None:
            check_relevance(min_relevance)
        yield from awaiting_savers(self.store)
        searched = searched_part(query)
        if searched is None:
            return [Match(turn, None) for turn in (yield from self._newest(within, limit))]
        search = TurnQuery(
            searched,
            searched_limit(rerank, limit),
            within.thread_id,
            min_similarity=min_similarity,
            min_relevance=min_relevance,
            since=within.since,
            until=within.until,
        )
        matches = yield from self._turn_store.search(search)
        return (yield from reranked(rerank, query, matches))[:limit]

    def _recalling(self, question: Question, options: RecallOptions) -> Steps[RecallExplanation]:
        return recalling(self._turn_store, self.user_id, question, options)

    def _newest(self, within: TurnRange, limit: int) -> Steps[list[Turn]]:
        newest: list[Turn] = []
        size = min(limit, TURNS_PER_PAGE)
        next_page = self._turn_store.newest_first(within.thread_id, size)
        while len(newest) < limit and (page := (yield from next_page())):
            newest += [turn for turn in page if turn in within]
            if within.since is not None and page[-1].timestamp < within.since:
                break
        return newest[:limit]

    def _forgetting(self, thread_id: str, memories: Sequence[str | Sequence[str]]) -> Steps[int]:
        check_thread_id(thread_id)
        namespaces = memory_namespaces(memories)
        yield from awaiting_savers(self.store)
        for namespace in namespaces:
            yield from FactStore(self.store, self.user_id, namespace).forget_thread(thread_id)
        return (yield from self._turn_store.forget(thread_id))

    def _exporting(self, next_page: NextPage[Turn], target: ExportTarget) -> Steps[int]:
        yield from awaiting_savers(self.store)
        return (yield from exporting_turns(next_page, self.user_id, target))


def _range(thread_id: str | None, since: datetime | None, until: datetime | None) -> TurnRange:
    moments = (None if moment is None else in_utc(moment) for moment in (since, until))
    return TurnRange(thread_id, *moments)


class StoreChatMessageHistory(BaseChatMessageHistory):
    """A thread of one user, in any store, as LangChain's chat message history.

    `RunnableWithMessageHistory` then reads and extends a thread that graphs use as well.

    Args:
        store: a memory, a store or a repository.
        thread_id: LangChain's session id.
        user_id: the user of the thread; not with a memory, which has its own user.
        max_messages: the maximum number of messages that `messages` returns, the latest ones; None
            for all.
    """

    def __init__(
        self,
        store: ConversationMemory | BaseStore | BaseStoreRepository,
        thread_id: str,
        user_id: str | None = None,
        *,
        max_messages: int | None = None,
    ) -> None:
        super().__init__()
        if isinstance(store, ConversationMemory):
            self.memory = store
        else:
            self.memory = ConversationMemory(store, user_id)  # type: ignore[arg-type]
        self.thread_id = check_thread_id(thread_id)
        self._max_messages = max_messages

    @property
    @override
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages, oldest first. Each access reads them again."""
        return self.memory.resume(self.thread_id, self._max_messages)

    @override
    async def aget_messages(self) -> list[BaseMessage]:
        return await self.memory.aresume(self.thread_id, self._max_messages)

    @override
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Save messages as turns; one call of a chain is one turn."""
        self.memory.save_messages(messages, self.thread_id)

    @override
    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        await self.memory.asave_messages(messages, self.thread_id)

    @override
    def clear(self) -> None:
        """Remove the thread."""
        self.memory.forget(self.thread_id)

    @override
    async def aclear(self) -> None:
        await self.memory.aforget(self.thread_id)
