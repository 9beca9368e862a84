"""The fuzz finds what it is for: each of these faults, mostly within seconds."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.isolation.fuzz import Fuzz
from tests.isolation.mutants import (
    MUTANTS,
    Plant,
    ids_cut_short,
    one_copy_for_all,
    searches_of_everybody,
)
from tests.isolation.test_isolation import SEED

USERS = 12
LONGEST_S = 180.0
"""Long beside the seconds that each takes here: a busy machine is no reason to fail."""
SOON_FOUND = (one_copy_for_all, searches_of_everybody, ids_cut_short)


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(plant, marks=[] if plant in SOON_FOUND else pytest.mark.slow)
        for plant in MUTANTS
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_fault_is_found(
    new_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
) -> None:
    fuzz = Fuzz(new_database(), tmp_path, SEED, users=USERS)
    plant(monkeypatch, random.Random(SEED))
    outcome = fuzz.run(LONGEST_S, striking=False)
    assert outcome.faults, str(outcome)
