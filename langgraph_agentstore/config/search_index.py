"""The search index: how vectors are stored, how results are ranked, which texts are searched.

`index_options.search_index` makes a `SearchIndex` of the `index=` option.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from ..model.bigrams import VERSION as WORDS_VERSION
from ..model.text_fields import Chunk, Paths
from ..results import Rerank
from .embedders import Embedder, Factory
from .ranking import Ranking

Distance: TypeAlias = Literal["cosine", "l2", "inner_product"]
IndexKind: TypeAlias = Literal["hnsw", "ivfflat", "flat"]
VectorType: TypeAlias = Literal["vector", "halfvec", "bit"]
SearchMode: TypeAlias = Literal["vector", "text", "hybrid"]
QuerySyntax: TypeAlias = Literal["auto", "web", "plain"]
"""How a query is read: "web" knows phrases and exclusions, "plain" words alone; "auto" is "plain"
for a question."""

MAX_DIMS = 16_000
"""What pgvector stores."""

LARGEST_INLINE_VECTOR = 2_000
"""Dimensions of 4 bytes up to which a row fits a page, and pgvector's indexes take `vector`."""

LARGEST_HALFVEC_INDEX = 4_000
"""Dimensions up to which pgvector's indexes take `halfvec`."""


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """How embeddings are stored and looked up."""

    dims: int
    distance: Distance
    kind: IndexKind
    vector_type: VectorType
    m: int
    ef_construction: int
    nlist: int
    nprobes: int
    exact_up_to: int | None

    @property
    def stored_as(self) -> Literal["vector", "halfvec"]:
        """The column's type; "bit" concerns the index alone."""
        if self.vector_type == "bit":
            return "vector" if self.dims <= LARGEST_INLINE_VECTOR else "halfvec"
        return self.vector_type

    @property
    def indexed_as(self) -> VectorType | None:
        """The type that the approximate index covers; None if there can be no index."""
        if self.kind == "flat":
            return None
        if self.vector_type == "bit":
            return "bit"
        if self.vector_type == "vector" and self.dims <= LARGEST_INLINE_VECTOR:
            return "vector"
        return "halfvec" if self.dims <= LARGEST_HALFVEC_INDEX else None


@dataclass(frozen=True, slots=True, eq=False)
class SearchIndex:
    """An index with every default decided. Two are equal only if they are the same object.

    The embedder, `chunk` and `rerank` are never compared or hashed, since many cannot be.
    `embed_concurrency` is None if the embedder's kind decides. `vectors` is None without an
    embedder. `language` is None if text is not searched. `model` names the embedder; None means
    unknown, and then a change of model goes unnoticed.
    """

    mode: SearchMode
    paths: Paths
    vectors: VectorIndex | None
    language: str | None
    ranking: Ranking
    query_syntax: QuerySyntax
    model: str | None
    embedder: Embedder | Factory | None = field(repr=False)
    chunk: Chunk | None = field(repr=False)
    chunk_name: str | None
    rerank: Rerank | None = field(repr=False)
    embed_batch_size: int
    embed_concurrency: int | None
    embed_timeout_s: float

    @property
    def modes(self) -> tuple[SearchMode, ...]:
        """The modes that a search may ask for."""
        return get_args(SearchMode) if self.mode == "hybrid" else (self.mode,)

    @property
    def settings(self) -> str:
        """The settings that decide which texts are embedded, and by which model."""
        paths = [path for path, _ in self.paths]
        return json.dumps({"fields": paths, "chunk": self.chunk_name, "model": self.model})

    @property
    def words_by(self) -> int:
        """A digest of the settings that made an item's words: language, fields and version."""
        settings = repr((self.language, [path for path, _ in self.paths], WORDS_VERSION))
        digest = hashlib.blake2b(settings.encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big", signed=True)
