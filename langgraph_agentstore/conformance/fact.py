"""Facts, and the decorators that declare them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from langgraph.store.base import TTLConfig

from .drivers import Driver

CaseT = TypeVar("CaseT")
FactBody: TypeAlias = Callable[[Driver], Coroutine[Any, Any, None]]
CaseBody: TypeAlias = Callable[[Driver, CaseT], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Fact:
    """One property that every LangGraph store should have.

    Attributes:
        name: the name of the function that declares it, with `[case]` if it has cases.
        statement: the property as a sentence.
        check: gets an empty store; raises `AssertionError` if the store lacks the property.
        needs_ttl: the fact is about expiry.
        ttl: the configuration with which the store is to be opened.
    """

    name: str
    statement: str
    check: FactBody
    needs_ttl: bool = False
    ttl: TTLConfig | None = None


FACTS: dict[str, Fact] = {}
"""All facts by name, in the order of the modules in `facts`."""


def fact(check: FactBody) -> FactBody:
    """Declare a fact; the function gives its name, the docstring its statement."""
    _declare(Fact(check.__name__, _statement(check), check))
    return check


def fact_of_each(
    cases: Mapping[str, CaseT],
) -> Callable[[CaseBody[CaseT]], CaseBody[CaseT]]:
    """Declare one fact per case, named `name[case]`; the function gets the case."""

    def declare(check: CaseBody[CaseT]) -> CaseBody[CaseT]:
        for name, case in cases.items():
            full_name = f"{check.__name__}[{name}]"
            _declare(Fact(full_name, _statement(check), partial(_check_case, check, case)))
        return check

    return declare


def fact_of_expiry(ttl: TTLConfig | None = None) -> Callable[[FactBody], FactBody]:
    """Declare a fact about items that expire, for a store opened with `ttl`."""

    def declare(check: FactBody) -> FactBody:
        _declare(Fact(check.__name__, _statement(check), check, needs_ttl=True, ttl=ttl))
        return check

    return declare


async def _check_case(check: CaseBody[CaseT], case: CaseT, store: Driver) -> None:
    await check(store, case)


def _statement(check: Callable[..., Any]) -> str:
    statement = (check.__doc__ or "").strip()
    if not statement:
        raise ValueError(f"the fact {check.__name__} has no docstring to state it")
    return statement


def _declare(declared: Fact) -> None:
    if declared.name in FACTS:
        raise ValueError(f"there are two facts named {declared.name}")
    FACTS[declared.name] = declared
