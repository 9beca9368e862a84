"""Made-up embeddings: clusters near a surface of few dimensions, as those of real texts are.

A vector is a point of one of `TOPICS` clouds in `FACTORS` dimensions, projected to the dimensions
asked for, with a little noise in all of them. A tenant mixes the topics, any mix being as likely
as any other: what all of them write about is much the same. What a tenant has follows from its
name and the dimensions alone: it is the same in a table of any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]

FACTORS = 28
TOPICS = 120
SHARES: Mapping[str, float] = {"half": 0.5, "twentieth": 0.05, "rare": 0.005}
"""The fields that filters ask for, and the share of items in which they are true."""

_SIZES = (1, 10, 100, 1_000, 5_000, 20_000, 100_000)
_REST = 200
# Tenants that are measured; users with `_REST` parts each fill up what they leave.
_FULLEST = 0.7
# Of a topic, in the units of the distance between topics; and in all dimensions.
_SPREAD, _NOISE = 0.7, 0.1
# How far a query is from the part it was made of, as a share of its length.
_PERTURBATION = 0.3
_SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Tenant:
    """A user with so many items of one part each."""

    name: str
    size: int

    @property
    def namespace(self) -> tuple[str, str, str]:
        """The namespace of its items."""
        return ("users", self.name, "memories")


@dataclass(frozen=True, slots=True)
class VectorTable:
    """So many vectors of so many dimensions."""

    dims: int
    rows: int

    @property
    def name(self) -> str:
        """The name of its database."""
        return f"vectors_{self.dims}_{self.rows}"

    @property
    def measured(self) -> tuple[Tenant, ...]:
        """The tenants whose searches are measured: as large ones as leave room for others."""
        found: list[Tenant] = []
        for size in _SIZES:
            if sum(tenant.size for tenant in found) + size <= _FULLEST * self.rows:
                found.append(Tenant(f"tenant-{size}", size))
        return tuple(found)

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """All of them; their sizes add up to the rows."""
        left = self.rows - sum(tenant.size for tenant in self.measured)
        full, last = divmod(left, _REST)
        rest = [_REST] * full + [last] * (last > 0)
        return (*self.measured, *(Tenant(f"user-{n:05}", size) for n, size in enumerate(rest)))


@dataclass(frozen=True, slots=True)
class Sample:
    """A tenant's items: vectors (size, dims), of length 1, and per field (size,) booleans."""

    tenant: Tenant
    vectors: Vectors
    flags: Mapping[str, NDArray[np.bool_]]

    def distances(self, query: Vectors, field: str | None) -> NDArray[np.float64]:
        """Return cosine distances (size,) to a query (dims,); infinite where the field is false."""
        distances = 1.0 - (self.vectors @ query).astype(np.float64)
        return distances if field is None else np.where(self.flags[field], distances, np.inf)

    def value(self, number: int) -> dict[str, Any]:
        """Return the item's value; `text` names the vector for the embedder."""
        flags = {field: bool(flags[number]) for field, flags in self.flags.items()}
        text = f"In conversation {number} {self.tenant.name} said that trains beat planes."
        return {"text": text, "kind": ("fact", "task")[number % 2], "turn": number % 40, **flags}


class Mixture:
    """A source of the vectors of tenants, and of queries to them."""

    def __init__(self, dims: int) -> None:
        self._dims = dims
        rng = np.random.default_rng([_SEED, dims])
        self._centres = rng.standard_normal((TOPICS, FACTORS), np.float32)
        self._projection = rng.standard_normal((FACTORS, dims), np.float32) / np.sqrt(FACTORS)

    def sample(self, tenant: Tenant) -> Sample:
        """Return all of a tenant's items."""
        rng, shares = self._of(tenant)
        vectors = self._draw(rng, shares, tenant.size)
        flags = {field: rng.random(tenant.size) < share for field, share in SHARES.items()}
        return Sample(tenant, vectors, flags)

    def queries(self, sample: Sample, count: int) -> Vectors:
        """Return (count, dims): one half near some of its parts, the others drawn as they were."""
        _, shares = self._of(sample.tenant)
        rng = np.random.default_rng([_SEED, self._dims, sample.tenant.size])
        near = sample.vectors[rng.integers(sample.tenant.size, size=count // 2)]
        off = rng.standard_normal(near.shape, np.float32) * (_PERTURBATION / np.sqrt(self._dims))
        return np.concatenate([_unit(near + off), self._draw(rng, shares, count - len(near))])

    def _of(self, tenant: Tenant) -> tuple[np.random.Generator, NDArray[np.float64]]:
        rng = np.random.default_rng([_SEED, self._dims, crc32(tenant.name.encode())])
        return rng, rng.dirichlet(np.ones(TOPICS))

    def _draw(self, rng: np.random.Generator, shares: NDArray[np.float64], count: int) -> Vectors:
        factors = self._centres[rng.choice(TOPICS, p=shares, size=count)]
        factors = factors + _SPREAD * rng.standard_normal(factors.shape, np.float32)
        vectors = factors @ self._projection
        vectors += _NOISE * rng.standard_normal(vectors.shape, np.float32)
        return _unit(vectors)


def _unit(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / lengths).astype(np.float32)
