"""`StoreConformance`: the facts as tests of pytest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from langgraph.store.base import TTLConfig

from .drivers import FORMS, Driver
from .fact import FACTS, Fact


class StoreConformance:
    """Subclass it, say how to open your store, and every fact is a test in each form.

    Attributes:
        forms: which ways to call the store are tested: "blocking", "awaited".
        deviations: the facts that are known not to hold, by name, each with the reason; `name[*]`
            stands for every case of a fact. They are strict expected failures: a test fails when
            its deviation is gone.
    """

    forms: ClassVar[tuple[str, ...]] = tuple(FORMS)
    deviations: ClassVar[Mapping[str, str]] = {}

    def open_store(self, ttl: TTLConfig | None) -> object:
        """An empty store, or a context manager of one; called anew for each fact.

        Where it is an async context manager the awaited form enters it as such. A store that
        knows no TTL may ignore `ttl`: facts about expiry are then skipped.
        """
        raise NotImplementedError("open_store says how to open the store to test")

    def test_fact(self, form: type[Driver], fact: Fact) -> None:
        """One fact, in one form."""

        async def body(driver: Driver) -> None:
            if fact.needs_ttl and not driver.store.supports_ttl:
                pytest.skip(f"{type(driver.store).__name__} knows no TTL")
            await fact.check(driver)

        form.run(self.open_store(fact.ttl), body)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Makes a test of every form and fact."""
        unknown = set(self.deviations) - {name for fact in FACTS.values() for name in _names(fact)}
        if unknown:
            raise pytest.UsageError(
                f"{type(self).__name__}.deviations names no facts of this suite: {sorted(unknown)}"
            )
        if metafunc.function.__name__ == "test_fact":
            metafunc.parametrize(("form", "fact"), self._parameters())

    def _parameters(self) -> list[Any]:
        return [
            pytest.param(FORMS[form], fact, id=f"{form}-{fact.name}", marks=self._marks(fact))
            for form in self.forms
            for fact in FACTS.values()
        ]

    def _marks(self, fact: Fact) -> list[pytest.MarkDecorator]:
        for name in _names(fact):
            if name in self.deviations:
                reason = f"{fact.statement} {self.deviations[name]}"
                return [pytest.mark.xfail(strict=True, reason=reason)]
        return []


def _names(fact: Fact) -> tuple[str, ...]:
    """What may stand for a fact among deviations."""
    name, bracket, _ = fact.name.partition("[")
    return (fact.name, f"{name}[*]") if bracket else (name,)
