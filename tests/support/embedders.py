"""Embedders for tests: quick, deterministic, and countable."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


class CountingEmbedder:
    """Words as directions: texts with words in common are near. Remembers what it was asked."""

    def __init__(self, dims: int = 16) -> None:
        self.dims = dims
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """(n, dims)"""
        self.texts += texts
        return [words_vector(text, self.dims) for text in texts]


def words_vector(text: str, dims: int) -> list[float]:
    """The sum of a fixed direction for each word, (dims,)."""
    total = np.zeros(dims)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        total += np.random.default_rng(seed).normal(size=dims)
    return [float(number) for number in total]
