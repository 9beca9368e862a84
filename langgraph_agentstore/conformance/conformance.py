"""`StoreConformance`: the facts as pytest tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from langgraph.store.base import TTLConfig

from .drivers import FORMS, Driver
from .fact import FACTS, Fact


class StoreConformance:
    """A test class with one test per fact and form; subclass it and define `open_store`.

    Attributes:
        forms: the forms of calls to test: "blocking", "awaited".
        deviations: the facts that the store is known not to meet, each with a reason. The key
            `name[*]` means every case of a fact. Each is a strict expected failure: its test
            fails when the store meets the fact.
    """

    forms: ClassVar[tuple[str, ...]] = tuple(FORMS)
    deviations: ClassVar[Mapping[str, str]] = {}

    def open_store(self, ttl: TTLConfig | None) -> object:
        """Return an empty store or a context manager of one; called once for each test.

        The awaited form enters an async context manager as such. A store without TTL support
        may ignore `ttl`; the facts about expiry are then skipped.
        """
        raise NotImplementedError("override open_store: it returns the store to test")

    def test_fact(self, form: type[Driver], fact: Fact) -> None:
        """Test one fact in one form."""

        async def body(driver: Driver) -> None:
            if fact.needs_ttl and not driver.store.supports_ttl:
                pytest.skip(f"{type(driver.store).__name__} knows no TTL")
            await fact.check(driver)

        form.run(self.open_store(fact.ttl), body)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of every form and fact."""
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
    """Return the names that may stand for a fact in `deviations`."""
    name, bracket, _ = fact.name.partition("[")
    return (fact.name, f"{name}[*]") if bracket else (name,)
