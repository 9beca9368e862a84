"""How the soak notices what spans, metrics and logs must not tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.soak.heard import Heard, Warnings


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    heard.close()


def test_a_user_in_a_span_is_noticed(heard: Heard) -> None:
    tracer = heard.telemetry.tracer_provider.get_tracer("test")
    tracer.start_span("get_memory", attributes={"db.namespace": "agentstore"}).end()
    assert (heard.leaks, heard.spans["get_memory"]) == ([], 1)
    tracer.start_span("get_memory", attributes={"key": "of storeworker1@0"}).end()
    assert len(heard.leaks) == 1


def test_a_user_in_a_label_of_a_metric_is_noticed(heard: Heard) -> None:
    counter = heard.telemetry.meter_provider.get_meter("test").create_counter("reads")
    counter.add(1, {"kind": "get"})
    assert heard.look_at_metrics() > 0
    assert heard.leaks == []
    counter.add(1, {"kind": "graphworker0@1.2"})
    heard.look_at_metrics()
    assert len(heard.leaks) == 1


@pytest.mark.parametrize(
    ("line", "is_fault"),
    [
        ("no turn of talkworker0@1 was read", False),
        ("a turn was refused: {'of': 'talkworker0@1'}", True),
        ("slow operation: get took 0.7 s, namespace of 2 labels", False),
        ("slow operation: get of storeworker0@1 took 0.7 s", True),
    ],
)
def test_a_value_in_a_log_and_a_user_in_that_of_slow_operations_are_noticed(
    line: str, is_fault: bool
) -> None:
    warnings = Warnings()
    warnings.emit(logging.LogRecord("a", logging.WARNING, "", 1, line, None, None))
    assert warnings.faults == [line] * is_fault
