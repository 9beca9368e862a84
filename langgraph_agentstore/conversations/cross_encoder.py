"""A local cross-encoder as `rerank`: a model that reads a query and a text together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import Any

from langgraph.store.base import SearchItem

from .._support.optional import imported
from ..errors import ConfigurationError
from .indexed_text import Match
from .recall_block import fact_text


class CrossEncoderRerank:
    """A `rerank` for searches of conversations and of items, by sentence-transformers.

    It runs on this machine and never uses the network. Threads take turns, since one model must
    not be used by several at once. Needs the extra `rerank`, except for
    an object.

    Args:
        model: a folder with a model, the name of one that was downloaded before, or an object with
            a method `predict` of the form of `sentence_transformers.CrossEncoder`.
        text_of: returns the text of a match or of an item. None: query and response of a turn; the
            field `content`, `text`, `fact` or `memory` of an item, else its JSON.

    Raises:
        ConfigurationError: no such model is on this machine.
        MissingExtraError: sentence-transformers is not installed.
    """

    def __init__(
        self,
        model: str | PathLike[str] | Any,
        *,
        text_of: Callable[[Any], str] | None = None,
    ) -> None:
        self._model = _local_model(model) if isinstance(model, (str, PathLike)) else model
        self._text_of = text_of or _candidate_text
        self._turn = threading.Lock()

    def __call__(self, query: str, found: Sequence[Match | SearchItem]) -> list[float]:
        """Return a score for each match or item; higher is better."""
        pairs = [(query, self._text_of(one)) for one in found]
        if not pairs:
            return []
        with self._turn:
            return [float(score) for score in self._model.predict(pairs, show_progress_bar=False)]


def _local_model(model: str | PathLike[str]) -> Any:
    library = imported("sentence_transformers", "rerank")
    try:
        return library.CrossEncoder(fspath(model), local_files_only=True)
    except OSError as error:
        raise ConfigurationError(
            f"no cross-encoder {fspath(model)!r} is on this machine; give a folder, or download "
            f"it once with sentence_transformers.CrossEncoder({fspath(model)!r})"
        ) from error


def _candidate_text(found: Match | SearchItem) -> str:
    return found.turn.text if isinstance(found, Match) else fact_text(found.value)
