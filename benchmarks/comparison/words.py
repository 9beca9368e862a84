"""A model small enough to be read: words are directions, texts with words in common are near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def index(dims: int = 16, fields: Sequence[str] = ("text",)) -> dict[str, Any]:
    """What both stores are given as `index=`."""
    return {"dims": dims, "embed": _embedder(dims), "fields": list(fields)}


def _embedder(dims: int) -> Callable[[Sequence[str]], list[list[float]]]:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [sum(_word(word, dims) for word in text.split()).tolist() for text in texts]

    return embed


@cache
def _word(word: str, dims: int) -> Any:
    direction: NDArray[np.float64] = np.random.default_rng(crc32(word.encode())).normal(size=dims)
    return direction
