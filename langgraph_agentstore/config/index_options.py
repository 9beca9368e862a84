"""The `index=` option: searched fields, the model, and the ranking.

`search_index` checks LangGraph's `IndexConfig`, with the extra keys of this package, and makes a
`SearchIndex` of it. Nothing here embeds or connects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, cast, get_args

from langgraph.store.base import tokenize_path

from ..errors import ConfigurationError
from ..model.checks import check_whole, is_number
from ..model.text_fields import Chunk, Paths, chunk_by_size
from ..results import Rerank
from .embedders import Embedder, Factory, embedder_of
from .ranking import Ranking
from .search_index import (
    LARGEST_INLINE_VECTOR,
    MAX_DIMS,
    Distance,
    IndexKind,
    QuerySyntax,
    SearchIndex,
    SearchMode,
    VectorIndex,
    VectorType,
)

_RANKING = Ranking()


class AnnIndexConfig(TypedDict, total=False):
    """Options of the approximate index; by default those of pgvector.

    `kind`: "hnsw", "ivfflat" or "flat" (no index: every search is exact). `vector_type`: "vector"
    (4 bytes a dimension), "halfvec" (2; the default above 2,000 dimensions) or "bit" (an index of
    one bit a dimension, whose candidates are ranked by the vectors). `m`, `ef_construction`:
    HNSW's. `nlist`, `nprobes`: IVFFlat's lists, and the number that a search reads at first.
    `exact_up_to`: the number of parts in scope up to which a search is exact; by default, as long
    as the index would be slower.
    """

    kind: IndexKind
    vector_type: VectorType
    m: int
    ef_construction: int
    nlist: int
    nprobes: int
    exact_up_to: int


class AgentIndexConfig(TypedDict, total=False):
    """LangGraph's `IndexConfig` with the options of this package; every key is optional.

    `dims`, `embed`, `fields`: LangGraph's. `embed` may also be a function without parameters that
    makes the embedder when it is first needed. `model`: a name for an embedder that has none.
    `distance_type`: "cosine", "l2" or "inner_product". `ann_index_config`: `AnnIndexConfig`.
    `mode`: "vector", "text" or "hybrid". `language`: a text search configuration of Postgres.
    `k1`, `b`: BM25's. `text_weight`, `vector_weight`: the fusion's. `query_syntax`: "auto",
    "web" or "plain". `chunk`: the characters of a
    part, or a function that splits a text. `rerank`, `recency_half_life_days`: defaults of
    searches. `embed_batch_size`, `embed_concurrency`, `embed_timeout_s`: texts in a call of the
    embedder, concurrent calls, and the time limit of a call.
    """

    dims: int
    embed: Any
    fields: list[str] | None
    model: str
    distance_type: Distance
    ann_index_config: AnnIndexConfig
    mode: SearchMode
    language: str
    k1: float
    b: float
    text_weight: float
    vector_weight: float
    query_syntax: QuerySyntax
    chunk: int | Callable[[str], Sequence[str]]
    rerank: Rerank
    recency_half_life_days: float
    embed_batch_size: int
    embed_concurrency: int
    embed_timeout_s: float


def search_index(config: Mapping[str, Any] | None) -> SearchIndex | None:
    """Check the `index=` option and return the index; None without one.

    Raises:
        ConfigurationError: a key is unknown or its value is wrong; the message has the cure.
    """
    if config is None:
        return None
    if not isinstance(config, Mapping):
        raise _wrong("index", config, "a mapping, such as {'dims': 384, 'embed': embeddings}")
    # LangGraph leaves keys of its own there, which begin with two underscores.
    given = {key: value for key, value in config.items() if not str(key).startswith("__")}
    _check_keys("index", given, AgentIndexConfig)
    embed = given.get("embed")
    mode = _one_of("mode", given.get("mode") or ("text" if embed is None else "vector"), SearchMode)
    if mode != "text" and embed is None:
        raise ConfigurationError(
            f"index: mode {mode!r} needs 'embed', a LangChain Embeddings or a function from texts "
            "to vectors; without a model use mode 'text'"
        )
    if embed is None and "dims" in given and given.get("mode") is None:
        raise ConfigurationError(
            "index: 'dims' is the length of an embedder's vectors: give 'embed', too, or say "
            "mode 'text' to search by words alone"
        )
    # Words alone need no vectors, whatever else the configuration holds.
    embedder = None if embed is None or mode == "text" else embedder_of(embed)
    return SearchIndex(
        mode=cast("SearchMode", mode),
        paths=_paths_option(given.get("fields")),
        vectors=None if embedder is None else _vector_index(given),
        language=None if mode == "vector" else _language_option(given.get("language")),
        ranking=_ranking_options(given),
        query_syntax=_one_of("query_syntax", given.get("query_syntax") or "auto", QuerySyntax),
        model=_model(given, embedder),
        embedder=embedder,
        chunk=_chunk(given.get("chunk")),
        chunk_name=_chunk_name(given.get("chunk")),
        rerank=_callable("rerank", given.get("rerank")),
        embed_batch_size=_int("embed_batch_size", given.get("embed_batch_size", 64), 1, 10_000),
        embed_concurrency=None
        if given.get("embed_concurrency") is None
        else _int("embed_concurrency", given["embed_concurrency"], 1, 256),
        embed_timeout_s=_positive("embed_timeout_s", given.get("embed_timeout_s", 60.0)),
    )


def _vector_index(given: Mapping[str, Any]) -> VectorIndex:
    if "dims" not in given:
        raise ConfigurationError("index: 'dims' is missing, the length of the embedder's vectors")
    dims = _int("dims", given["dims"], 1, MAX_DIMS)
    ann = given.get("ann_index_config") or {}
    _check_keys("ann_index_config", ann, AnnIndexConfig)
    m = _int("m", ann.get("m", 16), 2, 100)
    default_type = "vector" if dims <= LARGEST_INLINE_VECTOR else "halfvec"
    return VectorIndex(
        dims=dims,
        distance=_one_of("distance_type", given.get("distance_type", "cosine"), Distance),
        kind=_one_of("kind", ann.get("kind", "hnsw"), IndexKind),
        vector_type=_one_of("vector_type", ann.get("vector_type", default_type), VectorType),
        m=m,
        # pgvector demands as much.
        ef_construction=_int(
            "ef_construction", ann.get("ef_construction", max(200, 2 * m)), 2 * m, 1000
        ),
        nlist=_int("nlist", ann.get("nlist", 100), 1, 32_768),
        nprobes=_int("nprobes", ann.get("nprobes", 20), 1, 32_768),
        exact_up_to=None
        if ann.get("exact_up_to") is None
        else _int("exact_up_to", ann["exact_up_to"], 0, 2**31),
    )


def _ranking_options(given: Mapping[str, Any]) -> Ranking:
    half_life = given.get("recency_half_life_days")
    return Ranking(
        k1=_number("k1", given.get("k1", _RANKING.k1)),
        b=_number("b", given.get("b", _RANKING.b), most=1.0),
        text_weight=_positive("text_weight", given.get("text_weight", _RANKING.text_weight)),
        vector_weight=_positive(
            "vector_weight", given.get("vector_weight", _RANKING.vector_weight)
        ),
        recency_half_life_days=None
        if half_life is None
        else _positive("recency_half_life_days", half_life),
    )


def _paths_option(fields: Any) -> Paths:
    if fields is None:
        fields = ["$"]
    if isinstance(fields, str) or not isinstance(fields, Sequence) or not fields:
        raise _wrong("fields", fields, "a list of paths, such as ['text', 'tags[*]'] or ['$']")
    return paths_of(fields)


def paths_of(fields: Sequence[Any]) -> Paths:
    """Return each path with its tokens, in LangGraph's notation.

    Raises:
        ConfigurationError: a path is not a string, or is empty.
    """
    for path in fields:
        if not isinstance(path, str) or not path:
            raise _wrong("fields", path, "a path, such as 'text', 'a.b', 'a[*].c' or '$'")
    return tuple((path, tuple(tokenize_path(path))) for path in dict.fromkeys(fields))


def _model(given: Mapping[str, Any], embedder: Embedder | Factory | None) -> str | None:
    """Return the model's name, which is stored with the vectors to detect a change of model."""
    if embedder is None:
        return None
    if (named := given.get("model")) is None:
        # A function has no name that outlives a refactoring.
        return embedder.name
    if not isinstance(named, str) or not named:
        raise _wrong("model", named, "a name")
    return named


def _chunk(given: Any) -> Chunk | None:
    if given is None or callable(given):
        return cast("Chunk | None", given)
    return chunk_by_size(_int("chunk", given, 16, 10_000_000))


def _chunk_name(given: Any) -> str | None:
    return None if given is None else str(getattr(given, "__qualname__", given))


def _language_option(given: Any) -> str:
    if given is None:
        return "english"
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", given):
        raise _wrong("language", given, "a text search configuration, such as 'german' or 'simple'")
    return given


def _check_keys(name: str, given: Mapping[str, Any], known: type) -> None:
    if not isinstance(given, Mapping):
        raise _wrong(name, given, "a mapping")
    if unknown := sorted(set(given) - set(known.__annotations__)):
        raise ConfigurationError(
            f"{name}: {unknown} is not known; known: {', '.join(sorted(known.__annotations__))}"
        )


def _one_of(name: str, given: Any, choices: Any) -> Any:
    if given not in get_args(choices):
        raise _wrong(name, given, " or ".join(map(repr, get_args(choices))))
    return given


def _int(name: str, given: Any, least: int, most: int) -> int:
    return check_whole(f"index: {name}", given, least, most, error=ConfigurationError)


def _number(name: str, given: Any, least: float = 0.0, most: float = 1e9) -> float:
    if not is_number(given) or not least <= given <= most:
        raise _wrong(name, given, f"a number from {least:g} to {most:g}")
    return float(given)


def _positive(name: str, given: Any) -> float:
    if (number := _number(name, given)) <= 0:
        raise _wrong(name, given, "a number above 0")
    return number


def _callable(name: str, given: Any) -> Any:
    if given is not None and not callable(given):
        raise _wrong(name, given, "a function")
    return given


def _wrong(name: str, given: object, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"index: {name} is {wanted}, got {given!r}")
