"""Everything that `embed=` may be, and how it is called."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langgraph.store.base.embed import EmbeddingsLambda
from pydantic import BaseModel, SecretStr

from langgraph_agentstore.config.embedders import (
    Embedder,
    Factory,
    embedder_of,
    error_text,
    secrets_of,
)
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.config.search_index import VectorIndex
from langgraph_agentstore.errors import ConfigurationError, EmbeddingShapeError
from langgraph_agentstore.sql.search.vector_codec import vectors_bytes


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[1.0, 2.0] for _ in texts]


async def aembed(texts: Sequence[str]) -> list[list[float]]:
    return embed(texts)


def of_two(texts: list[str], model: str) -> list[list[float]]:
    return embed(texts)


class Both(DeterministicFakeEmbedding):
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


def made(given: Any) -> Embedder:
    embedder = embedder_of(given)
    assert isinstance(embedder, Embedder)
    return embedder


# Which form, how many at once


@pytest.mark.parametrize("given", [embed, functools.partial(embed), EmbeddingsLambda(embed)])
def test_a_blocking_function_is_called_by_one_thread_at_a_time(given: Any) -> None:
    embedder = made(given)
    assert embedder.documents.awaited is None
    assert embedder.documents is embedder.queries
    assert (embedder.at_once, embedder.questions_alike, embedder.name) == (1, True, None)


@pytest.mark.parametrize("given", [aembed, functools.partial(aembed), EmbeddingsLambda(aembed)])
def test_a_coroutine_function_is_awaited(given: Any) -> None:
    embedder = made(given)
    assert embedder.documents.blocking is None
    assert embedder.at_once > 1


def test_a_class_without_an_awaitable_form_is_called_by_one_thread_at_a_time() -> None:
    embedder = made(DeterministicFakeEmbedding(size=2))
    assert (embedder.documents.awaited, embedder.queries.awaited) == (None, None)
    assert (embedder.at_once, embedder.questions_alike) == (1, False)
    assert embedder.name == "DeterministicFakeEmbedding"


def test_a_class_with_both_forms_has_both() -> None:
    embedder = made(Both(size=2))
    assert embedder.documents.blocking is not None
    assert embedder.documents.awaited is not None
    assert embedder.at_once > 1


def test_questions_to_a_class_are_asked_one_by_one() -> None:
    embeddings = DeterministicFakeEmbedding(size=2)
    assert made(embeddings).queries.blocking is not None
    asked = made(embeddings).queries.blocking(["a", "b"])  # type: ignore[misc]
    assert asked == [embeddings.embed_query("a"), embeddings.embed_query("b")]


async def test_questions_to_an_awaitable_form_are_asked_one_by_one() -> None:
    class Questions:
        async def aembed_documents(self, texts: list[str]) -> Any:
            raise AssertionError

        async def aembed_query(self, text: str) -> list[float]:
            return [float(len(text))]

    asked = made(Questions()).queries.awaited
    assert asked is not None
    assert await asked(["a", "bc"]) == [[1.0], [2.0]]


def test_an_object_with_documents_alone_embeds_questions_alike() -> None:
    class Documents:
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

    embedder = made(Documents())
    assert embedder.queries is embedder.documents
    assert embedder.questions_alike


def test_a_sentence_transformer_is_asked_to_encode() -> None:
    class SentenceTransformer:
        __module__ = "sentence_transformers.SentenceTransformer"

        def __call__(self, features: dict[str, Any]) -> Any:
            raise AssertionError

        def encode(self, sentences: list[str], batch_size: int = 32) -> Any:
            return np.ones((len(sentences), 2))

    assert made(SentenceTransformer()).documents.blocking(["a"]).shape == (1, 2)  # type: ignore[misc]


def test_a_missing_key_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="'openai:small' cannot be made: OpenAIError"):
        embedder_of("openai:small")


def test_a_model_is_known_by_its_name() -> None:
    class Named(Both):
        model: str = "small"

    assert made(Named(size=2)).name == "small"


def test_a_callable_whose_parameters_nobody_knows_is_taken() -> None:
    class Unknown:
        __signature__ = "as those of some functions written in C"

        def __call__(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

    assert made(Unknown()).at_once == 1


class Falsy:
    """A callable that is false and empty."""

    def __len__(self) -> int:
        return 0

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return embed(texts)


def test_what_is_false_or_empty_embeds_all_the_same() -> None:
    class Held:
        embed_documents = embed_query = Falsy()

    assert made(EmbeddingsLambda(Falsy())).documents.blocking is not None
    assert made(Held()).documents.blocking is not None
    assert not made(Held()).questions_alike


# Factories


def test_a_function_without_parameters_makes_the_embedder() -> None:
    factory = embedder_of(lambda: DeterministicFakeEmbedding(size=2))
    assert isinstance(factory, Factory)
    assert factory.made().name == "DeterministicFakeEmbedding"


def test_a_model_by_name_is_made_later_where_blocking_is_forbidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As blockbuster forbids it on an event loop: what is imported may have to be read."""
    blockbuster = pytest.importorskip("blockbuster")
    outcomes: list[Any] = [blockbuster.BlockingError("io.read"), Both(size=2), KeyError("k")]

    def ensured(name: str) -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("langgraph_agentstore.config.embedders.ensure_embeddings", ensured)
    index = search_index({"embed": "acme:small:v2", "dims": 2})
    assert index is not None
    assert isinstance(index.embedder, Factory)
    assert index.model == "small:v2"
    assert index.embedder.made().name == "Both"
    with pytest.raises(ConfigurationError, match=r"'acme:small:v2' cannot be made: KeyError"):
        index.embedder.made()


def test_a_model_by_name_is_made_at_once_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert made("openai:small").name == "small"


def test_a_factory_of_factories_is_refused() -> None:
    factory = embedder_of(lambda: lambda: embed)
    assert isinstance(factory, Factory)
    with pytest.raises(ConfigurationError, match="another factory"):
        factory.made()


def test_the_model_of_a_factory_is_named_by_the_index_alone() -> None:
    index = search_index({"embed": lambda: Both(size=2), "dims": 2})
    assert index is not None
    assert index.model is None


# What is refused


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (7, "got int"),
        (Both, r"the class Both, not an object of it: write Both\(…\)"),
        (of_two, r"one list of texts, which of_two\(texts"),
        ("openai", "provider:model"),
    ],
)
def test_what_cannot_embed_is_refused_with_the_reason(given: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        embedder_of(given)


def test_a_model_whose_settings_are_wrong_is_refused_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_API_TYPE", "azure")
    with pytest.raises(ConfigurationError, match="AzureOpenAIEmbeddings") as raised:
        embedder_of("openai:small")
    assert "sk-secret" not in str(raised.value)


# What an error shows


def test_an_error_is_shown_on_one_line_without_secrets() -> None:
    error = ValueError("no\n  such key: sk-1")
    assert error_text(error, ("sk-1", "")) == "ValueError: no such key: ***"
    assert error_text(ValueError()) == "ValueError"
    assert len(error_text(ValueError("x" * 10_000))) < 600


def test_the_secrets_of_an_embedder_are_its_secret_fields() -> None:
    class Keyed(BaseModel, Embeddings):
        api_key: SecretStr = SecretStr("sk-1")
        other: str = "x"

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

        def embed_query(self, text: str) -> list[float]:
            return [1.0, 2.0]

    assert made(Keyed()).secrets == ("sk-1",)
    assert secrets_of(object()) == ()


# What an embedder returns


@pytest.fixture
def vectors() -> VectorIndex:
    index = search_index({"embed": embed, "dims": 2})
    assert index is not None
    assert index.vectors is not None
    return index.vectors


@pytest.mark.parametrize("given", [[[1, 2], [3, 4]], np.ones((2, 2)), [np.ones(2), (1.0, 2.0)]])
def test_any_list_of_vectors_is_taken(vectors: VectorIndex, given: Any) -> None:
    assert len(vectors_bytes(given, 2, vectors)) == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "returned NoneType, no list of vectors"),
        ("ab", "returned str, no list of vectors"),
        ({"a": 1}, "returned dict, no list of vectors"),
        ([1.0, 2.0], r"one list of 2 numbers for 2 texts: a function is given a list of texts"),
        (np.ones(3), r"one list of 3 numbers for 2 texts"),
        ([], "0 vectors for 2 texts"),
        ([[1, 2]], "1 vectors for 2 texts"),
        ([[1, 2], 3], "an embedding is a list of numbers, got int"),
    ],
)
def test_what_is_no_list_of_vectors_is_refused(
    vectors: VectorIndex, given: Any, reason: str
) -> None:
    with pytest.raises(EmbeddingShapeError, match=reason):
        vectors_bytes(given, 2, vectors)
