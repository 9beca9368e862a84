"""Indexed content: the texts of a value by which an item is found, and their known vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config.index_options import paths_of
from ..config.search_index import SearchIndex
from ..errors import InvalidOperationError
from ..model.identifiers import with_identifiers
from ..model.json_values import decode_value
from ..model.text_fields import Paths, parts_of, words_of
from ..model.turn_text import CONTEXT_PATH, is_turn, marked_text, own_text, speakers_of
from .item_columns import key_is
from .statement import (
    Content,
    Decoded,
    ItemId,
    Put,
    Queue,
    Row,
    SqlContext,
    Statement,
    written_once,
)

_TURN_PATHS = paths_of([CONTEXT_PATH])


def content_of(value: bytes, chosen: object, index: SearchIndex) -> Content:
    """Return the texts by which an item is found; `value` is JSON text.

    `chosen` is LangGraph's `index=` of a put: None for the index's fields, False for nothing, or
    a list of paths.

    Raises:
        InvalidOperationError: `chosen` is something else.
        InvalidValueError: the index's `chunk` gave something that is no text.
    """
    own = _chosen_paths(chosen)
    paths = index.paths if own is None else own
    if not paths:
        return Content(index, paths=own)
    decoded = decode_value(value)
    texts = _without_neighbors(decoded, paths)
    parts = () if index.vectors is None else parts_of(texts, paths, index.chunk)
    words = None if index.language is None else words_text(decoded, paths)
    return Content(index, parts, words, own)


def _without_neighbors(value: Any, paths: Paths) -> Any:
    """Return the value whose texts are searched: of a turn, its own text without its neighbors'."""
    return {"context": own_text(value)} if is_turn_at(value, paths) else value


def words_text(value: Any, paths: Paths) -> str:
    """Return the text that word search reads of a value; of a turn, in pieces."""
    words = words_of(_without_neighbors(value, paths), paths)
    if is_turn_at(value, paths):
        return marked_text(words, speakers_of(value))
    return with_identifiers(words)


def is_turn_at(value: Any, paths: Paths) -> bool:
    """Return whether a value is a turn that is indexed as turns are."""
    return paths == _TURN_PATHS and is_turn(value)


def content_for(put: Put, context: SqlContext) -> Content:
    """Return the content for the present index, which may differ from that of the planning."""
    content, index = put.content, context.searched
    if content is not None and content.index is index:
        return content
    own = None if content is None or content.paths is None else [p for p, _ in content.paths]
    return content_of(context.searchable(put.value), False if own == [] else own, index)


def _chosen_paths(chosen: object) -> Paths | None:
    if chosen is None:
        return None
    if chosen is False:
        return ()
    if isinstance(chosen, (list, tuple)):
        try:
            return paths_of(chosen)
        except ValueError as error:
            raise InvalidOperationError(str(error)) from None
    raise InvalidOperationError(f"index is None, False or a list of paths, got {chosen!r}")


@written_once
def _known_sql(context: SqlContext) -> str:
    return f"""
SELECT v.digest, v.embedding::{context.tables.of_extension}vector
  FROM {context.vectors} v
 WHERE {key_is("v")} AND v.embedding IS NOT NULL"""


def plan_known_vectors(item_id: ItemId, context: SqlContext) -> Statement[dict[int, bytes]]:
    """Plan the read of an item's vectors, of any version, by the digests of their texts."""

    def decode(rows: Sequence[Row]) -> Decoded[dict[int, bytes]]:
        return Decoded({row[0]: row[1] for row in rows})

    return Statement(
        _known_sql(context),
        item_id,
        decode,
        queue=Queue.SHARED,
        users=(item_id[0],),
        kind="get_vectors",
    )
