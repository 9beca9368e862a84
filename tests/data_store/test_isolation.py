"""No record crosses from one user to another, whatever their ids and however many work at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import DataStore
from tests.support.crossing_users import KEYS, NAMESPACES, user_ids
from tests.support.data_store_model import json_text
from tests.support.faults import execute

PROCESSES = 8
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def started(task: dict[str, Any], folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes with their task, each a share of the users; none outlives the block."""
    command = [sys.executable, "-m", "tests.support.crossing_users"]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for number, process in enumerate(processes):
            assert process.stdin is not None
            share = {"process": number, "processes": PROCESSES, "rows": f"{folder / str(number)}"}
            process.stdin.write(json.dumps({**task, **share}) + "\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        pytest.fail(process.communicate()[1])


def work(process: subprocess.Popen[str]) -> None:
    """Lets it begin, and waits for its end."""
    _, complaints = process.communicate("begin\n", timeout=500)
    assert process.returncode == 0, complaints


def by_address(rows: list[Any]) -> dict[tuple[str, str, str], bytes]:
    return {(row[0], row[1], row[2]): json_text([*row[3:]]) for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("users", "operations"), [(1000, 8), pytest.param(1000, 150, marks=pytest.mark.slow)]
)
def test_a_thousand_users_in_eight_processes_never_meet(
    postgres_dsn: str, schema_name: str, tmp_path: Path, users: int, operations: int
) -> None:
    task = {"dsn": postgres_dsn, "schema": schema_name, "users": users, "operations": operations}
    with started(task, tmp_path) as processes:
        for process in processes:
            until_ready(process)
        with ThreadPoolExecutor(PROCESSES) as pool:
            list(pool.map(work, processes))

    expected = [row for file in tmp_path.iterdir() for row in json.loads(file.read_text("utf-8"))]
    stored = execute(
        postgres_dsn,
        "SELECT user_id, namespace, key, value, created_by, coalesce(access_count, 0)"
        " FROM {0}.item LEFT JOIN {0}.item_access USING (user_id, namespace, key)",
        schema_name,
    )
    assert len({user for user, *_ in expected}) > users * 0.8
    assert by_address(stored) == by_address(expected)


def test_a_user_has_what_was_set_under_every_hostile_name(store: AgentStore) -> None:
    """One record for each user, namespace and key: none takes the place of another."""
    users = user_ids(20)
    places = [(user, namespace) for user in users for namespace in NAMESPACES]
    for user, namespace in places:
        data = DataStore(store, user, "agent", namespace)
        data.set_many({key: [user, namespace, key] for key in KEYS})

    for user, namespace in places:
        found = DataStore(store, user, "agent", namespace).get_all()
        assert found == {key: [user, namespace, key] for key in KEYS}
    assert {
        user: DataStore(store, user, None).list_namespaces() for user in users
    } == dict.fromkeys(users, sorted(NAMESPACES))


def test_removing_all_of_one_namespace_touches_nothing_that_reads_alike(store: AgentStore) -> None:
    users = user_ids(20)
    places = [(user, namespace) for user in users for namespace in NAMESPACES]
    for user, namespace in places:
        DataStore(store, user, "agent", namespace).set("k", 1)

    left = len(places)
    for user, namespace in places:
        assert DataStore(store, user, "agent", namespace).clear() == 1
        left -= 1
        assert store.count(("users",)) == left
