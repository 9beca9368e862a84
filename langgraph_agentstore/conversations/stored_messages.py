"""Converts messages in any form to LangChain's messages, these to documents, and back.

A document is `{"type": …, "data": {…}}`, as LangChain's `messages_to_dict` writes it, with all
parts as JSON. Reading never fails for one bad document: the parts that LangChain refuses are left
out, or the whole document.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    BaseMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    message_chunk_to_message,
    messages_from_dict,
)
from pydantic import ValidationError

from ..errors import ValueTypeError
from ..model.json_values import Json
from .storable_json import OMITTED, StorableJson

logger = logging.getLogger("langgraph_agentstore.conversations")

RECALLED_ID = "agentstore-recalled"
"""The id of the message with which `recall_conversation` shows what was said earlier."""

REMOVE_ALL = "__remove_all__"
"""LangGraph's `REMOVE_ALL_MESSAGES`, whose module takes long to import."""

CALL_BLOCKS = frozenset({"tool_use", "tool_call", "invalid_tool_call", "function_call"})
"""Types of content blocks in which models call tools: Anthropic's, LangChain's, OpenAI's."""

_OF_ROLE: dict[str, type[BaseMessage]] = {
    **dict.fromkeys(("human", "user"), HumanMessage),
    **dict.fromkeys(("ai", "assistant", "model", "bot"), AIMessage),
    **dict.fromkeys(("system", "developer"), SystemMessage),
}
_TYPES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
    "function": FunctionMessage,
    "chat": ChatMessage,
}
_STRUCTURED = ("tool_calls", "invalid_tool_calls", "tool_call_chunks", "usage_metadata")


def as_messages(messages: object) -> list[BaseMessage]:
    """Convert one or many messages, in any form that LangChain takes.

    Chunks of a streamed message become one message. A `ChatMessage` of a known role becomes the
    message of that role. A `RemoveMessage` removes the message that it names.

    Args:
        messages: messages, chunks of them, dicts with `role` (or `type`) and `content`, pairs of
            role and content; or one of these.

    Raises:
        ValueTypeError: something is not a message.
    """
    given = [messages] if is_one_message(messages) else list(cast("Iterable[Any]", messages))
    kept: list[BaseMessage] = []
    for message in _chunks_joined(map(_as_message, given)):
        if isinstance(message, RemoveMessage):
            gone = message.id
            kept = [one for one in kept if gone != REMOVE_ALL and one.id != gone]
        else:
            kept.append(_plain(message))
    return kept


def is_one_message(messages: object) -> bool:
    """Tell whether this is one message: also a dict, or a pair of role and content."""
    if isinstance(messages, (BaseMessage, Mapping, str)):
        return True
    if not isinstance(messages, (tuple, list)) or len(messages) != 2:
        return False
    return isinstance(messages[0], str) and messages[0] in {*_OF_ROLE, "tool"}


def is_said(message: BaseMessage) -> bool:
    """Tell whether it is a person's message; summaries and recalled blocks have the same type."""
    return message.type == "human" and not is_summary(message) and not is_recalled(message)


def is_recalled(message: BaseMessage) -> bool:
    """Tell whether `recall_conversation` put it there: it repeats what earlier threads said."""
    return message.id == RECALLED_ID


def is_summary(message: BaseMessage) -> bool:
    """Tell whether LangChain's summarisation middleware put it in place of earlier messages."""
    return message.additional_kwargs.get("lc_source") == "summarization"


def documents_of(messages: Sequence[BaseMessage], form: StorableJson) -> list[dict[str, Any]]:
    """Convert messages, whatever their parts are, to documents that can be stored."""
    return [
        {"type": message.type, "data": _data(message, form, f"messages[{position}]")}
        for position, message in enumerate(messages)
    ]


def loaded_messages(documents: object) -> list[BaseMessage]:
    """Convert documents to messages, also those of earlier releases and other programs."""
    found: list[BaseMessage] = []
    for document in documents if isinstance(documents, Sequence) else ():
        try:
            found += as_messages([_loaded(document)])
        except Exception as error:
            logger.warning("a stored message cannot be read: %s", type(error).__name__)
    return found


def _as_message(given: Any) -> BaseMessage:
    if isinstance(given, BaseMessage):
        return given
    if isinstance(given, Mapping) and isinstance(given.get("data"), Mapping):
        return _loaded(given)
    if isinstance(given, (Mapping, tuple, list)):
        given = dict(given) if isinstance(given, Mapping) else tuple(given)
        try:
            return convert_to_messages([given])[0]
        except Exception:
            if isinstance(given, dict) and isinstance(given.get("role"), str):
                return _of_unknown_form(given)
    raise ValueTypeError(
        f"messages are LangChain messages, dicts with role and content, or pairs of these, got "
        f"{type(given).__name__}"
    )


def _of_unknown_form(given: dict[str, Any]) -> BaseMessage:
    """Convert a dict with a role that LangChain does not know, or tool calls it cannot read."""
    content = given.get("content")
    left = {k: v for k, v in given.items() if k not in ("role", "content", "id", "name")}
    return ChatMessage(
        role=given["role"],
        content=content if isinstance(content, (str, list)) else "",
        additional_kwargs=left,
    )


def _chunks_joined(messages: Iterable[BaseMessage]) -> list[BaseMessage]:
    """Join consecutive chunks of one message."""
    whole: list[BaseMessage] = []
    for message in messages:
        if whole and _goes_on(whole[-1], message):
            whole[-1] = cast("BaseMessage", whole[-1] + message)
        else:
            whole.append(message)
    return whole


def _goes_on(before: BaseMessage, message: BaseMessage) -> bool:
    if not isinstance(before, BaseMessageChunk) or type(before) is not type(message):
        return False
    if before.id != message.id or getattr(before, "chunk_position", None) == "last":
        return False
    return message.id is not None or isinstance(message, AIMessageChunk)


def _plain(message: BaseMessage) -> BaseMessage:
    """Return the message as a type that LangChain can read back and that tells the speaker."""
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    if isinstance(message, ChatMessage):
        role = _OF_ROLE.get(message.role.lower())
        return message if role is None else role(**_shared_fields(message))
    if message.type in _TYPES:
        return message
    for known in _TYPES.values():
        if isinstance(message, known):  # a class of the application
            names = known.model_fields.keys() - {"type"}
            return known(**{name: getattr(message, name) for name in names})
    return ChatMessage(role=message.type, **_shared_fields(message))


def _shared_fields(message: BaseMessage) -> dict[str, Any]:
    names = ("content", "additional_kwargs", "response_metadata", "name", "id")
    return {name: getattr(message, name) for name in names}


def _data(message: BaseMessage, form: StorableJson, path: str) -> dict[str, Any]:
    """Convert field by field: a field that LangChain cannot write must not lose the others."""
    fields = {name: getattr(message, name, None) for name in type(message).model_fields}
    fields |= message.model_extra or {}
    if (copied := form.copied(fields)) is not None:
        return cast("dict[str, Any]", copied)
    content = _content(fields.pop("content"), form, f"{path}.content")
    others = {name: form.convert(field, f"{path}.{name}") for name, field in fields.items()}
    return {"content": content, **others}


def _content(content: Any, form: StorableJson, path: str) -> Json:
    if isinstance(content, str):
        return form.text(content, path)
    with form.bare_base64():
        return [_block(block, form, f"{path}[{i}]") for i, block in enumerate(content)]


def _block(block: Any, form: StorableJson, path: str) -> Json:
    """Convert a block; models refuse one with an omitted part, such as a picture without bytes."""
    missing = len(form.omitted)
    converted = form.convert(block, path)
    if len(form.omitted) == missing or _is_call(converted):
        return converted
    reasons = "; ".join(one.partition(": ")[2] for one in form.omitted[missing:])
    return {"type": "text", "text": f"[{OMITTED}: {reasons}]"}


def _is_call(block: Json) -> bool:
    return isinstance(block, dict) and block.get("type") in CALL_BLOCKS


def _loaded(document: Any) -> BaseMessage:
    if not isinstance(document, Mapping) or not isinstance(document.get("data"), Mapping):
        return _as_message(document)
    left = dict(document["data"])
    while True:
        try:
            return messages_from_dict([{"type": document["type"], "data": dict(left)}])[0]
        except ValidationError as error:
            left = _without(left, {str(one["loc"][0]) for one in error.errors() if one["loc"]})
        except (TypeError, AttributeError, LookupError):  # of LangChain's own validators
            left = _without(left, set(_STRUCTURED))


def _without(data: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """Return the data without the refused fields; the content is required and becomes a text."""
    kept = {name: field for name, field in data.items() if name not in refused - {"content"}}
    if "content" in refused:
        kept["content"] = str(data["content"]) if data.get("content") else ""
    if kept == data:
        raise ValueTypeError("the message is refused as a whole")
    return kept
