"""What a user said, over all threads: saving, reading, resuming, searching, forgetting.

Blocking; `memory.py` adds the awaitable forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from os import PathLike
from typing import Any

from langchain_core.messages import BaseMessage, MessageLikeRepresentation
from langgraph.store.base import BaseStore

from .._support.lifecycle import Handle
from .._support.progress import Progress
from ..model.checks import check_whole
from ..model.users import check_user_id
from ..sql.search.text import is_blank
from .background_saver import await_savers
from .context_index import CANDIDATES, credited, with_context
from .export import ExportFormat, export_turns
from .history import Budget, TokenCounter, history_of
from .keys import ConversationKey, check_thread_id, in_utc
from .repository import BaseStoreRepository
from .stored_messages import as_messages
from .turn_store import NEWEST_PAGE_SIZE, GenericTurnStore, turn_store_of
from .turns import ThreadSummary, Turn, new_turn, split_into_turns, turn_of_messages


class BlockingConversations(Handle):
    """One user's conversations; see `ConversationMemory`."""

    def __init__(self, store: BaseStore | BaseStoreRepository, user_id: str) -> None:
        self.user_id = check_user_id(user_id)
        self.store = store.store if isinstance(store, BaseStoreRepository) else store
        self._turn_store: GenericTurnStore = turn_store_of(self.store, self.user_id)

    def save_turn(
        self,
        query: str,
        response: str,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> ConversationKey:
        """Saves what was asked and answered now; the key it has.

        What no JSON can hold is converted, or left out with a note in its place and a warning.

        Raises:
            ValueTypeError: query or response is no string, metadata no mapping.
            ValueTypeError, InvalidKeyError, InvalidValueError: the thread id cannot be one.
        """
        return self._save([new_turn(thread_id, query, response, metadata)])[0]

    def save_messages(
        self,
        messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
        thread_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[ConversationKey]:
        """Saves messages as turns, each from what a person says on; their keys.

        Tool calls, multimodal content and ids come back as they were. Parts that no JSON can hold
        are converted, or left out with a note in their place and a warning.

        Args:
            messages: LangChain's, pieces of streamed ones, dicts with `role` and `content`, or
                pairs of these two.
            thread_id: whose turns they are.
            metadata: saved with each turn.

        Raises:
            ValueTypeError: something is no message.
            ValueTypeError, InvalidKeyError, InvalidValueError: the thread id cannot be one.
        """
        turns = split_into_turns(as_messages(messages))
        return self._save([turn_of_messages(turn, thread_id, metadata) for turn in turns])

    def save_turns(self, turns: Iterable[Turn], *, progress: Progress | bool | None = None) -> int:
        """Saves any number of turns, made by `new_turn` or read from elsewhere; how many.

        By COPY on an `AgentStore`, in constant memory. A thread's turns come in the order in
        which they were said; a turn whose key is there replaces it.

        Args:
            turns: any iterable.
            progress: called with how many are written so far; True shows a bar on a
                terminal and in a notebook.
        """
        return self._turn_store.load(with_context(turns, self._turn_store.before), progress)

    def turns(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """All turns, or those of one thread, oldest first; read page by page as they are needed.

        In constant memory: more than fit into it are sorted in temporary files.

        Args:
            thread_id: None for all threads.
            since: from this moment on; with a time zone.
            until: before this moment; with a time zone.
        """
        if thread_id is not None:
            check_thread_id(thread_id)
        since = None if since is None else in_utc(since)
        until = None if until is None else in_utc(until)
        await_savers(self.store)
        return self._turn_store.oldest_first(thread_id, since, until)

    def messages(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[BaseMessage]:
        """The messages of `turns`, ready to be given to a new thread.

        Calls of tools that nobody answered are left out, and answers without their call.
        """
        return history_of(self.turns(thread_id, since, until))

    def resume(
        self,
        thread_id: str | None = None,
        max_messages: int | None = None,
        max_tokens: int | None = None,
        token_counter: TokenCounter | None = None,
    ) -> list[BaseMessage]:
        """The latest messages that fit, oldest first, for a thread that goes on from there.

        No more is read than fits. They begin with what a person said; calls of tools that nobody
        answered are left out, and answers without their call.

        Args:
            thread_id: None for all threads, as if they were one.
            max_messages: None for any number.
            max_tokens: None for any number.
            token_counter: a chat model or a function, as `trim_messages` takes it; left out,
                four characters to a token.
        """
        if thread_id is not None:
            check_thread_id(thread_id)
        await_savers(self.store)
        budget = Budget(max_messages, max_tokens, token_counter)
        # A turn has a message at least, and one more shows that the others fit.
        size = min(NEWEST_PAGE_SIZE, (max_messages or NEWEST_PAGE_SIZE) + 1)
        turns = budget.latest_of(self._turn_store.newest_first(thread_id, size))
        return budget.trimmed(history_of(turns))

    def threads(self) -> list[ThreadSummary]:
        """Every thread, the latest first."""
        await_savers(self.store)
        return self._turn_store.threads()

    def search(
        self,
        query: str,
        *,
        thread_id: str | None = None,
        limit: int = 10,
        min_similarity: float | None = None,
    ) -> list[Turn]:
        """The turns that answer best, best first, of all threads or of one.

        A turn is found by its own words and by those of the turns before and after it; by
        vectors, words or both, as the store's index says. A query without letter, digit or symbol
        gives the latest turns.

        Args:
            query: what to look for.
            thread_id: the only thread that is searched; None, all of them.
            limit: how many at most.
            min_similarity: turns that are less similar to the query count for nothing. Of an
                `AgentStore` whose index has an embedder; see its `search`.

        Raises:
            InvalidOperationError: the store has no index, the limit is below 1, or similarities
                cannot be told.
        """
        depth = max(CANDIDATES, check_whole("limit", limit, 1))
        await_savers(self.store)
        if is_blank(query):
            return list(islice(self._turn_store.newest_first(thread_id), limit))
        matches = self._turn_store.search(query, thread_id, depth, min_similarity)
        best = credited(matches)[:limit]
        known = {match.turn.key: match.turn for match in matches}
        missing = [key for key in best if key not in known]
        if missing:
            known.update((turn.key, turn) for turn in self._turn_store.get(missing))
        # A turn before the first match may have been forgotten since.
        return [known[key] for key in best if key in known]

    def forget(self, thread_id: str) -> int:
        """Removes a thread; how many turns it had."""
        check_thread_id(thread_id)
        await_savers(self.store)
        return self._turn_store.forget(thread_id)

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
        """Writes turns to a file, oldest first, in constant memory; how many.

        The file appears when it is complete.

        Args:
            path: its end says the format: `.jsonl`, `.csv` or `.parquet`, but for the last with
                `.gz` or `.zst` for compression; any other name, JSON Lines.
            format: "jsonl", "csv" or "parquet", in place of the one that the name says.
            since: as for `turns`.
            until: as for `turns`.
            thread_id: as for `turns`.
            progress: as for `AgentStore.load`.
            escape_formulas: in CSV, writes `'` before a text that a spreadsheet would run as a
                formula; False for exact texts. The other formats are always exact.

        Raises:
            ConfigurationError: the format is unknown, or the folder is not there.
            MissingExtraError: Parquet is asked for without the extra `parquet`.
        """
        turns = self.turns(thread_id, since, until)
        return export_turns(
            turns, self.user_id, path, format, progress, escape_formulas=escape_formulas
        )

    def _save(self, turns: Sequence[Turn]) -> list[ConversationKey]:
        if turns:
            self._turn_store.put(list(with_context(turns, self._turn_store.before)))
        return [ConversationKey.parse(turn.key) for turn in turns]
