"""The suite as other authors meet it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import ClassVar

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.conformance import FACTS, StoreConformance
from langgraph_agentstore.conformance.drivers import Awaited, Blocking, Driver
from langgraph_agentstore.conformance.fact import fact

AUTHORS_TESTS = """
from langgraph.store.memory import InMemoryStore
from langgraph_agentstore.conformance import StoreConformance

class TestPlain(StoreConformance):
    def open_store(self, ttl):
        return InMemoryStore()

class TestKnown(TestPlain):
    forms = ("awaited",)
    deviations = {
        "a_negative_limit_is_refused": "It is taken for a slice.",
        "batches_refuse_a_bad_label[*]": "They are not looked at.",
        "what_was_put_is_read_back": "Not true any more.",
    }

class TestNoStore(StoreConformance):
    forms = ("blocking",)

    def open_store(self, ttl):
        return 7
"""

SELECTED = (
    "what_was_put_is_read_back or a_negative_limit_is_refused or batches_refuse_a_bad_label"
    " or an_expired_item_is_gone"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of an author's tests, in a folder without any settings."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_my_store.py").write_text(AUTHORS_TESTS)
    command = ["-m", "pytest", "-rA", "-p", "no:asyncio", "-p", "no:cacheprovider", "-k", SELECTED]
    run = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return run.stdout


def outcome(report: str, test: str) -> set[str]:
    """How the tests whose ids begin so ended."""
    return {
        line.split()[0]
        for line in report.splitlines()
        if f"::{test}" in line and line.split()[0].isupper()
    }


def test_three_lines_are_a_suite_in_both_forms(report: str) -> None:
    for form in ("blocking", "awaited"):
        test = f"TestPlain::test_fact[{form}-what_was_put_is_read_back]"
        assert outcome(report, test) == {"PASSED"}


def test_a_fact_that_does_not_hold_fails(report: str) -> None:
    test = "TestPlain::test_fact[awaited-a_negative_limit_is_refused]"
    assert outcome(report, test) == {"FAILED"}


def test_a_known_deviation_is_an_expected_failure(report: str) -> None:
    test = "TestKnown::test_fact[awaited-a_negative_limit_is_refused]"
    assert outcome(report, test) == {"XFAIL"}
    assert "It is taken for a slice." in report


def test_a_star_stands_for_every_case(report: str) -> None:
    test = "TestKnown::test_fact[awaited-batches_refuse_a_bad_label["
    assert outcome(report, test) == {"XFAIL"}


def test_a_deviation_that_is_gone_fails(report: str) -> None:
    test = "TestKnown::test_fact[awaited-what_was_put_is_read_back]"
    assert outcome(report, test) == {"FAILED"}
    assert "Not true any more." in report


def test_one_form_may_be_tested_alone(report: str) -> None:
    assert outcome(report, "TestKnown::test_fact[blocking-") == set()


def test_facts_about_expiry_are_for_stores_that_know_it(report: str) -> None:
    assert "InMemoryStore knows no TTL" in report


def test_what_is_no_store_is_said_to_be_none(report: str) -> None:
    assert "neither a store nor a context manager of one: 7" in report


def test_a_deviation_of_no_fact_is_an_error() -> None:
    class Mistaken(StoreConformance):
        deviations: ClassVar = {"no_such_fact": ""}

    with pytest.raises(pytest.UsageError, match=r"names no facts of this suite.*no_such_fact"):
        Mistaken().pytest_generate_tests(metafunc=None)  # type: ignore[arg-type]


def test_every_fact_is_stated() -> None:
    assert len(FACTS) > 300
    for each in FACTS.values():
        assert each.statement[0] in '`"-' or each.statement[0].isupper(), each.name
        assert each.statement.endswith("."), each.name


def test_a_fact_without_a_statement_is_refused() -> None:
    async def stated_nowhere(store: Driver) -> None: ...

    with pytest.raises(ValueError, match="no docstring"):
        fact(stated_nowhere)


def test_a_second_fact_of_a_name_is_refused() -> None:
    async def what_was_put_is_read_back(store: Driver) -> None:
        """Again."""

    with pytest.raises(ValueError, match="two facts named"):
        fact(what_was_put_is_read_back)


@pytest.mark.parametrize("form", [Blocking, Awaited])
def test_a_driver_collects_what_calls_together_raise(form: type[Driver]) -> None:
    async def body(store: Driver) -> list[object]:
        async def fail() -> object:
            raise ValueError("no")

        async def succeed() -> object:
            return await store.get(("a",), "k")

        return list(await store.together([fail, succeed]))

    error, item = form.run(InMemoryStore(), body)
    assert isinstance(error, ValueError)
    assert item is None


def test_a_blocking_driver_has_no_loop_to_wait_on() -> None:
    async def body(store: Driver) -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaits its driver's methods and nothing else"):
        Blocking.run(InMemoryStore(), body)
