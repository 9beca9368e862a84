"""Checks of what an embedder returns, and its encoding in the wire format of `vector`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from pgvector import Vector

from ...config.embedders import HOW_FUNCTIONS_ARE_CALLED
from ...config.search_index import VectorIndex
from ...errors import EmbeddingShapeError

LARGEST_HALF = 65_504.0
"""The largest number of 16 bits."""


def vectors_bytes(given: Any, count: int, index: VectorIndex) -> list[bytes]:
    """Return the vectors of an embedder for `count` texts, each as Postgres takes it.

    Raises:
        EmbeddingShapeError: it is no list of that many vectors.
    """
    if not hasattr(given, "__len__") or isinstance(given, (str, bytes, Mapping)):
        raise EmbeddingShapeError(
            f"the embedder returned {type(given).__name__}, no list of vectors: "
            f"{HOW_FUNCTIONS_ARE_CALLED}"
        )
    if len(given) and all(isinstance(number, Real) for number in given):
        raise EmbeddingShapeError(
            f"the embedder returned one list of {len(given)} numbers for {count} "
            f"text{'s' if count > 1 else ''}: "
            f"{HOW_FUNCTIONS_ARE_CALLED}"
        )
    if len(given) != count:
        raise EmbeddingShapeError(f"the embedder returned {len(given)} vectors for {count} texts")
    return [vector_bytes(vector, index) for vector in given]


def vector_bytes(vector: Sequence[float] | Any, index: VectorIndex) -> bytes:
    """Return an embedding, (dims,) numbers of any kind, as the bytes that Postgres takes.

    Raises:
        EmbeddingShapeError: it has another length, or something in it is no finite number.
    """
    numbers = vector.tolist() if hasattr(vector, "tolist") else vector
    if isinstance(numbers, (str, bytes)) or not isinstance(numbers, Sequence):
        raise EmbeddingShapeError(f"an embedding is a list of numbers, got {type(vector).__name__}")
    if len(numbers) != index.dims:
        raise EmbeddingShapeError(
            f"the embedding has {len(numbers)} dimensions, the index has dims={index.dims}: set "
            "'dims' to what the model gives, or choose the model that the index was made for"
        )
    try:
        packed = Vector(list(numbers))
    except (TypeError, ValueError, OverflowError) as error:
        raise EmbeddingShapeError(f"the embedding is no list of numbers: {error}") from None
    stored = packed.to_list()
    too_large = index.stored_as == "halfvec" and max(map(abs, stored)) > LARGEST_HALF
    # A NaN or an infinity shows in the sum; no sum of 4-byte numbers is infinite otherwise.
    if too_large or not math.isfinite(sum(stored)):
        raise EmbeddingShapeError(
            f"the embedding holds NaN, an infinity or a number that {index.stored_as!r} cannot take"
        )
    return packed.to_binary()
