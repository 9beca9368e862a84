"""Processes that share the sessions of a pooler get what they asked for, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.matrices import few

pytestmark = needs_pgbouncer

# What asyncpg sends of itself, and whatever else the store's defaults may be.
_TOLERANT = "extra_float_digits, jit, enable_seqscan, enable_hashjoin, enable_mergejoin, "
_TOLERANT += "plan_cache_mode, max_parallel_workers_per_gather, lock_timeout, statement_timeout"

_WORKER = [sys.executable, "-m", "tests.runtime.pooled_worker"]

DEFAULTS: dict[str, Any] = {}
BOUNCERS: dict[str, dict[str, object]] = {
    "transactions": {"pool_mode": "transaction", "default_pool_size": 3},
    "transactions, one session": {"pool_mode": "transaction", "default_pool_size": 1},
    "transactions, parameters ignored": {
        "default_pool_size": 3,
        "ignore_startup_parameters": _TOLERANT,
    },
    "sessions": {"pool_mode": "session", "default_pool_size": 40},
}


def work(dsn: str, seconds: float, pool: dict[str, Any]) -> list[str]:
    """What two processes found wrong, each with an owner and a form of its own."""
    crew = [
        subprocess.Popen(
            [*_WORKER, dsn, owner, str(seconds), form, json.dumps(pool)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for owner, form in (("ann", "awaited"), ("bob", "blocking"))
    ]
    wrong: list[str] = []
    for process in crew:
        out, complaints = process.communicate(timeout=seconds + 60)
        assert process.returncode == 0, complaints.splitlines()[-1]
        assert "Traceback" not in complaints
        told = json.loads(out)
        assert told["done"] > 20 * seconds, "hardly anything was done"
        wrong += told["wrong"]
    return wrong


@few(1)
@pytest.mark.parametrize("kind", BOUNCERS)
def test_nothing_crosses_and_nothing_is_lost(kind: str, fresh_database: str) -> None:
    with pgbouncer(fresh_database, **BOUNCERS[kind]) as bouncer:
        assert work(bouncer.dsn, 5, DEFAULTS) == []


@pytest.mark.slow
@pytest.mark.parametrize("pool", [{"session_settings": {}}, {"statement_cache": 256}])
def test_no_option_makes_them_cross(pool: dict[str, Any], fresh_database: str) -> None:
    with pgbouncer(
        fresh_database, default_pool_size=3, ignore_startup_parameters=_TOLERANT
    ) as bouncer:
        assert work(bouncer.dsn, 5, pool) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUNCERS)
def test_nothing_crosses_in_a_minute(kind: str, fresh_database: str) -> None:
    with pgbouncer(fresh_database, **BOUNCERS[kind]) as bouncer:
        assert work(bouncer.dsn, 60, DEFAULTS) == []
