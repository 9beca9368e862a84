"""What a fact is, and how facts are declared."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from langgraph.store.base import TTLConfig

from .drivers import Driver

CaseT = TypeVar("CaseT")
Check: TypeAlias = Callable[[Driver], Coroutine[Any, Any, None]]
CheckOfCase: TypeAlias = Callable[[Driver, CaseT], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is true of every LangGraph store.

    `check` gets an empty store and raises `AssertionError` where the fact does not hold. A fact
    with `needs_ttl` is about expiry; `ttl` is the configuration it wants the store to have.
    """

    name: str
    statement: str
    check: Check
    needs_ttl: bool = False
    ttl: TTLConfig | None = None


FACTS: dict[str, Fact] = {}
"""Every fact by its name, in the order of the modules of `facts`."""


def fact(check: Check) -> Check:
    """Declares a fact: its name is the function's, its statement the docstring."""
    _declare(Fact(check.__name__, _statement(check), check))
    return check


def fact_of_each(
    cases: Mapping[str, CaseT],
) -> Callable[[CheckOfCase[CaseT]], CheckOfCase[CaseT]]:
    """Declares one fact for each case, named `name[case]`; the body gets the case."""

    def declare(check: CheckOfCase[CaseT]) -> CheckOfCase[CaseT]:
        for name, case in cases.items():
            full_name = f"{check.__name__}[{name}]"
            _declare(Fact(full_name, _statement(check), partial(_check_case, check, case)))
        return check

    return declare


def fact_of_expiry(ttl: TTLConfig | None = None) -> Callable[[Check], Check]:
    """Declares a fact about items that expire, for a store configured with `ttl`."""

    def declare(check: Check) -> Check:
        _declare(Fact(check.__name__, _statement(check), check, needs_ttl=True, ttl=ttl))
        return check

    return declare


async def _check_case(check: CheckOfCase[CaseT], case: CaseT, store: Driver) -> None:
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
