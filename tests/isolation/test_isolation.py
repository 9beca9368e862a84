"""Whatever happens at once, nobody is shown, and nobody changes, what is another's."""

from __future__ import annotations

import faulthandler
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.isolation.fuzz import Fuzz

SEED = int(os.environ.get("AGENTSTORE_ISOLATION_SEED", random.SystemRandom().randrange(10**6)))
HOUR_S = float(os.environ.get("AGENTSTORE_ISOLATION_SECONDS", "3600"))
SHORT_S = 30.0


@pytest.mark.parametrize(
    "seconds", [SHORT_S, pytest.param(HOUR_S, marks=pytest.mark.isolation, id="long")]
)
def test_fifty_users_on_every_surface_never_meet(
    new_database: Callable[[], str], tmp_path: Path, seconds: float
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it may be meant to last
    outcome = Fuzz(new_database(), tmp_path, SEED).run(seconds)
    print(outcome)
    assert not outcome.faults, "\n".join((str(outcome), *outcome.faults))
    idle = {kind: turns for kind, turns in outcome.turns.items() if turns < 5}
    assert not idle, str(outcome)
    assert outcome.operations > 50 * seconds, str(outcome)
    assert min(outcome.given_up, outcome.ended, outcome.cancelled) > 10, str(outcome)
