"""The kinds of `embed=`, and how each is called. Nothing here embeds.

An embedder may have a blocking and an awaitable form. The blocking one is preferred, in threads:
clients of `httpx`, which most hosted models use, belong to the event loop that used them first,
and break on any other.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from langchain_core.embeddings import Embeddings
from langgraph.store.base import ensure_embeddings
from langgraph.store.base.embed import EmbeddingsLambda
from pydantic import SecretStr

from ..errors import ConfigurationError

CALLS_AT_ONCE = 8
"""Calls under way at once of a model that has an awaitable form: it waits for a server."""

Ask: TypeAlias = Callable[[list[str]], Any]
"""Texts to a list of vectors, or to an awaitable of one."""


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """The forms of one call of a model. `awaited` is used if there is no `blocking`."""

    blocking: Ask | None
    awaited: Ask | None


@dataclass(frozen=True, slots=True, eq=False)
class Embedder:
    """A model, however it was given.

    `at_once`: concurrent calls. Blocking code is called by one thread at a time unless it has an
    awaitable form: sentence-transformers, llama.cpp and tokenizers crash otherwise.
    `questions_alike`: a question is embedded like a text, so several go together.
    `is_function`: a function of the user, of unknown form. `secrets`: keys that it holds.
    """

    documents: Forms
    queries: Forms
    at_once: int
    name: str | None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    questions_alike: bool = False
    is_function: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Factory:
    """A function without parameters that makes the embedder when it is first needed.

    `name`: the model's name, if it is known before.
    """

    make: Callable[[], Any]
    name: str | None = None

    def made(self) -> Embedder:
        """Call the function, which may take long.

        Raises:
            ConfigurationError: it returned no embedder.
        """
        embedder = embedder_of(self.make())
        if isinstance(embedder, Factory):
            raise ConfigurationError("index: the factory given as embed returned another factory")
        return embedder


def embedder_of(embed: Any) -> Embedder | Factory:
    """Return the embedder that `embed=` names or is.

    Raises:
        ConfigurationError: it is none, or the named one cannot be made.
    """
    if isinstance(embed, str):
        named = _named(embed)
        return named if isinstance(named, Factory) else _of_object(named)
    if isinstance(embed, type):
        raise ConfigurationError(
            f"index: embed is the class {embed.__name__}, not an object of it: write "
            f"{embed.__name__}(…)"
        )
    if isinstance(embed, EmbeddingsLambda):  # LangGraph's own wrapping of a function
        wrapped = vars(embed)
        return _of_function(wrapped["func"] if "func" in wrapped else wrapped["afunc"])
    if isinstance(embed, Embeddings) or _embeds_documents(embed):
        return _of_object(embed)
    if type(embed).__module__.startswith("sentence_transformers."):
        return _of_function(embed.encode)  # to call the model itself means something else
    if callable(embed):
        return _of_function(embed)
    raise ConfigurationError(
        "index: embed is a LangChain Embeddings, a function or 'provider:model', got "
        f"{type(embed).__name__}"
    )


HOW_FUNCTIONS_ARE_CALLED = (
    "a function is given a list of texts and returns a list with one vector for each; a function f "
    "of one text becomes lambda texts: [f(text) for text in texts]"
)


def secrets_of(embeddings: Any) -> tuple[str, ...]:
    """Return the keys that an embedder holds, which its errors may quote."""
    held = getattr(embeddings, "__dict__", {}).values()
    return tuple(value.get_secret_value() for value in held if isinstance(value, SecretStr))


def error_text(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Return the type and the beginning of an error's text, on one line, without secrets."""
    text = " ".join(str(error).split())
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def _named(embed: str) -> Embeddings | Factory:
    """Return the model of that name; where blocking is forbidden, a factory for a thread."""
    try:
        return ensure_embeddings(embed)
    except Exception as error:  # each provider has errors of its own
        if type(error).__module__.startswith("blockbuster"):
            return Factory(partial(_named, embed), embed.partition(":")[2])
        raise _not_made(embed, error) from None


def _not_made(embed: str, error: Exception) -> ConfigurationError:
    if type(error).__module__.startswith("pydantic"):
        # Its text has what was given to the model, which may be a key.
        told = "; ".join(each["msg"] for each in error.errors())  # type: ignore[attr-defined]
    elif isinstance(error, (ValueError, ImportError)):  # LangChain's own, which say what to do
        return ConfigurationError(f"index: {error}")
    else:
        told = error_text(error)
    return ConfigurationError(
        f"index: the embedder {embed!r} cannot be made: {told.rstrip('.')}. Set what its provider "
        "needs in the environment before the store is made, or pass an embeddings object as embed"
    )


def _of_object(embeddings: Any) -> Embedder:
    documents = Forms(_method(embeddings, "documents"), _amethod(embeddings, "documents"))
    ask, aask = _method(embeddings, "query"), _amethod(embeddings, "query")
    alike = ask is None and aask is None
    queries = documents
    if not alike:
        queries = Forms(None if ask is None else _each(ask), None if aask is None else _aeach(aask))
    waits = documents.awaited is not None or queries.awaited is not None
    at_once = CALLS_AT_ONCE if waits else 1
    name, secrets = _name_of(embeddings), secrets_of(embeddings)
    return Embedder(documents, queries, at_once, name, secrets, questions_alike=alike)


def _embeds_documents(embed: Any) -> bool:
    """Tell whether an object embeds documents, whatever its class."""
    return _method(embed, "documents") is not None or _amethod(embed, "documents") is not None


def _method(embeddings: Any, of: str) -> Callable[[Any], Any] | None:
    method = getattr(embeddings, f"embed_{of}", None)
    return method if callable(method) else None


def _amethod(embeddings: Any, of: str) -> Callable[[Any], Any] | None:
    """Return a class's own awaitable method; LangChain's default only runs the blocking one."""
    name = f"aembed_{of}"
    inherited = getattr(type(embeddings), name, None) is getattr(Embeddings, name)
    method = getattr(embeddings, name, None)
    return method if callable(method) and not inherited else None


def _each(ask: Callable[[str], Any]) -> Ask:
    return lambda texts: [ask(text) for text in texts]


def _aeach(ask: Callable[[str], Awaitable[Any]]) -> Ask:
    async def ask_each(texts: list[str]) -> list[Any]:
        return [await ask(text) for text in texts]

    return ask_each


def _of_function(function: Callable[..., Any]) -> Embedder | Factory:
    if (parameters := _parameters(function)) is not None:
        if not parameters.parameters:
            return Factory(function)
        _check_callable(function, parameters)
    is_awaited = _is_awaited(function)
    forms = Forms(None if is_awaited else function, function if is_awaited else None)
    at_once = CALLS_AT_ONCE if is_awaited else 1
    return Embedder(forms, forms, at_once, None, questions_alike=True, is_function=True)


def _parameters(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the parameters of a callable; None for some written in C."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _check_callable(function: Callable[..., Any], parameters: inspect.Signature) -> None:
    try:
        parameters.bind([])
    except TypeError as error:
        name = getattr(function, "__qualname__", type(function).__name__)
        raise ConfigurationError(
            f"index: embed is called with one list of texts, which {name}{parameters} does not "
            f"take: {error}"
        ) from None


def _is_awaited(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004
    )


def _name_of(embeddings: Any) -> str | None:
    for attribute in ("model", "model_name", "model_id"):
        name = getattr(embeddings, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(embeddings).__qualname__
