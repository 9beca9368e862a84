"""Checking hostile input takes time in proportion to it, and names it in a short message."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from langgraph_agentstore.errors import InvalidNamespaceError, InvalidValueError, ValueTypeError
from langgraph_agentstore.namespaces import MOST_LABELS, check_labels, labels_named
from langgraph_agentstore.values import encode_value

SHORT = 2_000
LONG = "k" * 1_000_000


def test_labels_are_counted_before_they_are_looked_at() -> None:
    with pytest.raises(InvalidNamespaceError, match=f"at most {MOST_LABELS} labels, got 4000"):
        check_labels(("n",) * 4_000)


@pytest.mark.parametrize(
    "labels",
    [
        (LONG, "a.b"),
        (LONG + "\x00",),
        (LONG + ".",),
        (LONG, ""),
        ("n",) * 1_000 + ("a.b",),
        [[LONG]],
        LONG,
    ],
    ids=["period", "NUL", "long", "empty", "many", "no text", "no tuple"],
)
def test_a_refused_namespace_is_named_in_a_short_message(labels: Any) -> None:
    with pytest.raises(InvalidNamespaceError) as refused:
        check_labels(labels)
    assert len(str(refused.value)) < SHORT


def test_a_refused_name_is_named_in_a_short_message() -> None:
    with pytest.raises(InvalidNamespaceError) as refused:
        labels_named(LONG + "\x00")
    assert len(str(refused.value)) < SHORT


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({LONG: {"a": object()}}, ValueTypeError),
        ({LONG: ["\x00"]}, InvalidValueError),
        ({LONG + "\ud800": 1}, InvalidValueError),
        ({LONG: {LONG.encode(): 1}}, ValueTypeError),
        ({LONG: 2**80}, InvalidValueError),
        ({LONG: float("nan")}, InvalidValueError),
    ],
    ids=["type", "NUL", "surrogate", "bytes", "large", "NaN"],
)
def test_a_refused_value_is_named_in_a_short_message(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        encode_value(value)
    assert len(str(refused.value)) < SHORT


# Each took about a minute when the path to every part was written out.
HEAVY = {
    "a long key over many parts": "encode_value({'k' * 1_000_000: [1] * 1_000_000 + [2.0**60]})",
    "a long key over many texts": r"encode_value({'k' * 1_000_000: ['\\u0000'] * 1_000_000})",
    "many labels": "check_labels(('n' * 20_000,) * 1300)",
}


@pytest.mark.parametrize("attack", HEAVY.values(), ids=HEAVY)
def test_checking_a_hostile_value_takes_seconds_and_little_memory(attack: str) -> None:
    program = (
        "from langgraph_agentstore.values import encode_value\n"
        "from langgraph_agentstore.namespaces import check_labels\n"
        f"{attack}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
