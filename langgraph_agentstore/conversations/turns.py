"""A turn: a question, its answer, and the messages between them.

Everything is converted to JSON when a turn is created; see `storable_json.py`. A part without a
JSON form therefore does not lose the turn, and later changes of the caller's objects do not
affect it.

A turn is stored as JSON: `query`, `response`, `thread_id` and `timestamp` (ISO 8601, UTC, always
with microseconds, so that texts sort as times do); if there are any, `metadata`, `messages` in
LangChain's form, and `speakers`, their names. `context` and `previous` are for search: see
`indexed_text.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import product
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from ..errors import InvalidValueError, ValueTypeError
from ..html_tables import rows_table
from ..model.json_values import encode_value, shown
from ..model.turn_text import names_of, speakers_of
from .keys import ConversationKey, check_thread_id, in_utc, next_moment
from .storable_json import LARGEST_VALUE, StorableJson, counted
from .stored_messages import documents_of, is_recalled, is_said, is_summary, loaded_messages, logger


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of a thread.

    `timestamp`: when it was said, in UTC. Turns are ordered by it, then by `key`.
    `stored_messages`: the messages as LangChain's `messages_to_dict` writes them, with all parts
    as JSON; None if only texts were saved.
    `previous`: the key of the turn before it in its thread, in stores that need it for search.
    `context`: the text that it is found by, in a list; see `indexed_text.py`.
    """

    key: str
    thread_id: str
    timestamp: datetime
    query: str
    response: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    stored_messages: Sequence[Mapping[str, Any]] | None = None
    previous: str | None = None
    context: Sequence[str] | None = None

    def _repr_html_(self) -> str:
        said = f"{self.timestamp:%Y-%m-%d %H:%M:%S}", self.thread_id, self.query, self.response
        return rows_table(("said", "thread", "question", "answer"), [said])

    @property
    def order(self) -> tuple[datetime, str]:
        """The sort key of turns."""
        return self.timestamp, self.key

    @property
    def text(self) -> str:
        """Query and response as one text, for search."""
        return "\n".join(filter(None, (self.query, self.response)))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of its messages; without any, the names before a colon in its texts."""
        return self.named_speakers or speakers_of({"query": self.query, "response": self.response})

    @property
    def named_speakers(self) -> tuple[str, ...]:
        """The names of its messages, each once, in the order in which they speak."""
        return names_of(self.stored_messages)

    @property
    def messages(self) -> list[BaseMessage]:
        """The messages as they were saved; for a turn of texts, one human and one AI message.

        A tool call may have no answer; `ConversationMemory.messages` and `resume` leave it out.
        """
        if self.stored_messages is not None:
            return loaded_messages(self.stored_messages)
        said = HumanMessage(self.query, id=f"{self.key}-query")
        return [said, AIMessage(self.response, id=f"{self.key}-response")]

    def value(self, most_bytes: int = LARGEST_VALUE) -> dict[str, Any]:
        """Return the JSON to store, also if the caller put other objects into the turn.

        Args:
            most_bytes: the most that the store takes. A larger turn loses its large parts first,
                then its messages; query and response are cut last.
        """
        value = self._parts()
        if _fits(value, most_bytes):
            return value
        form = StorableJson()
        storable: dict[str, Any] = {name: form.convert(part, name) for name, part in value.items()}
        if not _fits(storable, most_bytes):
            storable, form = self._shrunk(most_bytes)
        _warn(self.thread_id, form)
        return storable

    def _shrunk(self, most_bytes: int) -> tuple[dict[str, Any], StorableJson]:
        shares = [most_bytes // share for share in (4, 16, 64)]
        for said_alone, largest in product((False, True), shares):
            form = StorableJson(most_bytes, largest)
            value = self._cut(form, largest, said_alone=said_alone)._parts()
            if _fits(value, most_bytes):
                break
        return value, form

    def _cut(self, form: StorableJson, longest: int, *, said_alone: bool) -> Turn:
        query, response = form.text(self.query, "query"), form.text(self.response, "response")
        messages = None
        if said_alone:
            form.omitted.append("messages and metadata: too large")
        elif self.stored_messages is not None:
            messages = documents_of(self.messages, form)
        return replace(
            self,
            query=query,
            response=response,
            metadata={} if said_alone else _metadata(self.metadata, form),
            stored_messages=messages,
            context=None if self.context is None else [text[:longest] for text in self.context],
        )

    def _parts(self) -> dict[str, Any]:
        optional = {
            "metadata": dict(self.metadata) or None,
            "messages": self.stored_messages,
            "speakers": list(self.named_speakers) or None,
            "previous": self.previous,
            "context": None if self.context is None else list(self.context),
        }
        return {
            "query": self.query,
            "response": self.response,
            "thread_id": self.thread_id,
            "timestamp": timestamp_text(self.timestamp),
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread: when its first and last turns were said, in UTC, and its number of turns."""

    thread_id: str
    first: datetime
    last: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class TurnRange:
    """The turns of a thread, or of all, from a moment on and before another; None is no limit."""

    thread_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, turn: Turn) -> bool:
        return (
            self.thread_id in (None, turn.thread_id)
            and (self.since is None or turn.timestamp >= self.since)
            and (self.until is None or turn.timestamp < self.until)
        )


def new_turn(
    thread_id: str,
    query: str,
    response: str,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Turn:
    """Return a turn of texts, with the current time or with `at`.

    Raises:
        ValueTypeError: query or response is not a string, or metadata not a mapping.
    """
    for name, text in (("query", query), ("response", response)):
        if not isinstance(text, str):
            raise ValueTypeError(
                f"{name} is a string, got {type(text).__name__}; save_messages takes messages"
            )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise ValueTypeError(f"metadata is a mapping, got {type(metadata).__name__}")
    moment = next_moment() if at is None else in_utc(at)
    form = StorableJson()
    turn = Turn(
        key=str(ConversationKey.new(thread_id, moment)),
        thread_id=thread_id,
        timestamp=moment,
        query=form.text(query, "query"),
        response=form.text(response, "response"),
        metadata=_metadata(metadata, form),
    )
    _warn(thread_id, form)
    return turn


def turn_of_messages(
    messages: Sequence[BaseMessage],
    thread_id: str,
    metadata: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    at: datetime | None = None,
) -> Turn:
    """Return one turn of these messages; its texts are the people's and the model's last one."""
    moment = next_moment() if at is None else in_utc(at)
    form = StorableJson()
    turn = Turn(
        key=str(ConversationKey.new(thread_id, moment)) if key is None else key,
        thread_id=check_thread_id(thread_id),
        timestamp=moment,
        query=form.text("\n".join(m.text for m in messages if is_said(m)), "query"),
        response=form.text(_last_words(messages), "response"),
        metadata=_metadata(metadata, form),
        stored_messages=documents_of(messages, form),
    )
    _warn(thread_id, form)
    return turn


def split_into_turns(
    messages: Iterable[BaseMessage], *, by_name: bool = True
) -> Iterator[list[BaseMessage]]:
    """Yield the messages of each turn, which begins with a person's; the first takes all before.

    `by_name`: whether a turn also begins where another person speaks.
    """
    turn: list[BaseMessage] = []
    for message in messages:
        begun = any(map(is_said, turn))
        if is_said(message) and begun and _is_answered(turn[-1], message, by_name):
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


def _is_answered(last: BaseMessage, message: BaseMessage, by_name: bool) -> bool:
    changes = bool(last.name and message.name and last.name != message.name)
    return not is_said(last) or (by_name and changes)


def last_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages of the last turn, without summaries; none if nobody said anything.

    All messages of people after the last answer belong to it, whoever they are.
    """
    own = (message for message in messages if not is_recalled(message))
    *_, last = [[], *split_into_turns(own, by_name=False)]
    said = any(is_said(message) or message.type == "ai" for message in last)
    return [message for message in last if not is_summary(message)] if said else []


def _last_words(messages: Sequence[BaseMessage]) -> str:
    """Return the model's last text; if it said nothing and a tool came last, the tool's."""
    answered = [message.text for message in messages if message.type == "ai" and message.text]
    if not answered and messages and messages[-1].type == "tool":
        return messages[-1].text
    return answered[-1] if answered else ""


def _metadata(metadata: Mapping[str, Any] | None, form: StorableJson) -> dict[str, Any]:
    converted = form.convert(metadata, "metadata") if metadata else {}
    return converted if isinstance(converted, dict) else {}


def _fits(value: dict[str, Any], most_bytes: int) -> bool:
    """Tell whether it can be stored unchanged."""
    try:
        return len(encode_value(value)) <= min(most_bytes, LARGEST_VALUE)
    except (ValueTypeError, InvalidValueError):
        return False


def _warn(thread_id: str, form: StorableJson) -> None:
    if form.omitted:
        logger.warning(
            "a turn of thread %s is saved without %d of its parts: %s",
            *(shown(thread_id), len(form.omitted), counted(form.omitted)),
        )


def timestamp_text(moment: datetime) -> str:
    """Return ISO 8601 in UTC to the microsecond: such texts sort as their times do."""
    return in_utc(moment).isoformat(timespec="microseconds")


def turn_of_value(key: str, value: Mapping[str, Any], created_at: datetime) -> Turn | None:
    """Return the turn in an item, also one that another program put; None if it is not a turn.

    A turn names its thread. Without a valid timestamp it was said when it was written.
    """
    thread_id = value.get("thread_id")
    if not isinstance(thread_id, str) or not {"query", "response", "messages"} & set(value):
        return None
    return Turn(
        key=key,
        thread_id=thread_id,
        timestamp=moment_of(value.get("timestamp"), created_at),
        query=str(value.get("query") or ""),
        response=str(value.get("response") or ""),
        metadata=value["metadata"] if isinstance(value.get("metadata"), dict) else {},
        stored_messages=value["messages"] if isinstance(value.get("messages"), list) else None,
        previous=value["previous"] if isinstance(value.get("previous"), str) else None,
        context=value["context"] if isinstance(value.get("context"), list) else None,
    )


def moment_of(text: object, default: datetime) -> datetime:
    """Read an ISO 8601 time, by default in UTC; return `default` for anything else."""
    moment = default
    if isinstance(text, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return in_utc(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))


def summary(thread_id: str, first: str, last: str, turns: int) -> ThreadSummary:
    """Return a summary from times as they are stored."""
    unknown = datetime.min.replace(tzinfo=timezone.utc)
    return ThreadSummary(thread_id, moment_of(first, unknown), moment_of(last, unknown), turns)


def summaries(turns: Iterable[Turn]) -> list[ThreadSummary]:
    """Return a summary of each thread, the latest first; count each turn once."""
    keys: dict[str, set[str]] = {}
    times: dict[str, tuple[datetime, datetime]] = {}
    for turn in turns:
        keys.setdefault(turn.thread_id, set()).add(turn.key)
        first, last = times.get(turn.thread_id, (turn.timestamp, turn.timestamp))
        times[turn.thread_id] = min(first, turn.timestamp), max(last, turn.timestamp)
    found = [
        ThreadSummary(thread_id, first, last, len(keys[thread_id]))
        for thread_id, (first, last) in times.items()
    ]
    return sorted(sorted(found, key=lambda one: one.thread_id), key=lambda o: o.last, reverse=True)
