"""Every script in `examples/` runs on its own and prints what it should."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from tests.support.matrices import few
from tests.support.servers import temporary_folder

EXAMPLES = Path(__file__).parents[1] / "examples"

PRINTED = {
    "sync_graph.py": ["friday  agent: Your cat is called Turing."],
    "async_graph.py": [
        "user-2 asks what the cat is called: Your cat is called Cat2.",
        "100 of 100 got the name of their own cat.",
    ],
    "remembering.py": [
        "ada@example.org: Your cat is called Turing.",
        "bob@example.org: Your cat is called Church.",
        "eve@example.org: I know nothing about your cat.",
        "relevant  2024-05-01 (Wed), thread monday — user: My cat is called Turing.",
    ],
    "tool_node.py": ["remember → noted", "agent: Your cat is called Turing."],
    "agent.py": ["agent: Your cat is called Turing.", "agent: I know nothing about your cat."],
    "per_user_graph.py": [
        "agent: Your cat is called Turing.",
        "agent: Your cat is called Hopper.",
        "nobody: the running graph has no user",
        "ada : memories : My cat is called Turing.",
    ],
    "deep_agent.py": [
        "ada: My cat is called Turing. → Updated file /memories/cat.md",
        "ada: What about my cat? → /memories/cat.md: 1: My cat is called Turing.",
        "bob: What about my cat? → No matches found",
        "bob : /dog.md : My dog is called Hopper.",
    ],
    "data_store.py": [
        "most often: the (5) and record (3)",
        "ada:reports:b2Z0ZW4=: ['the', 'record'], by collect, {'of': 'demo'}",
    ],
    "moving.py": [
        "copied and compared: 1000",
        "exported of user-7: 100",
        "brought back: 100",
        "the file that was cut off: refused",
    ],
    "memories.py": [
        "since 2024: Turing is five.",
        "backed up: 4",
        "moved to Postgres: 4",
        "talks/2 was with Ada",
    ],
    "search.py": [
        "vector  Which animal lives with me? → My cat is called Turing. (cosine 1.00)",
        "text    KX4471 → The booking of the night train to Oslo has number KX4471. (bm25 1.28)",
        "agent: Your cat is called Turing.",
    ],
    "conversations.py": [
        "friday  agent: Your cat is called Turing.",
        "friday  agent: I know nothing about your cat.",
        "stored  monday: Hello, my cat is called Turing. → Good to know that your cat is called",
        "found   Hello, my cat is called Turing.",
    ],
}
WITHOUT_A_MODEL = {"data_store.py", "memories.py", "moving.py"}
NOT_RUN_ALONE = {"scripted_model.py", "demo_agent.py", "demo.py"}


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED) | NOT_RUN_ALONE


@few(1)
@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_the_same_each_time(name: str, fresh_database: str) -> None:
    if name == "deep_agent.py":
        pytest.importorskip("deepagents")
    first, again = (run(EXAMPLES / name, AGENTSTORE_DSN=fresh_database) for _ in range(2))

    assert (first.returncode, first.stderr) == (0, "")
    for line in PRINTED[name]:
        assert line in first.stdout
    assert without_counts(again.stdout) == without_counts(first.stdout)


def without_counts(printed: str) -> str:
    """How many operations travelled together is a matter of chance."""
    return re.sub(r"in \d+ statements", "in … statements", printed)


@pytest.mark.parametrize("name", sorted({*PRINTED, "demo_agent.py"} - WITHOUT_A_MODEL))
def test_an_example_names_the_line_for_a_real_model(name: str) -> None:
    assert len(re.findall("# With a real model: ", (EXAMPLES / name).read_text("utf-8"))) == 1


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


def pids_of_postgres(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cwd", "status"])
        if str(process.info["cwd"]).startswith(str(folder))
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def snippet(printed: str) -> str:
    """The code with which the demo ends."""
    return printed[printed.index("from langgraph_agentstore import") :]


@pytest.mark.postgres
def test_the_demo_remembers_across_processes_and_runs(folder: Path) -> None:
    first = run(EXAMPLES / "demo.py", "--folder", folder)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.count("✓") == 4
    assert "Your cat is called Turing." in first.stdout
    assert "I know nothing about Alice's cat." in first.stdout
    assert "Welcome back" not in first.stdout
    assert "\x1b" not in first.stdout
    assert max(map(len, first.stdout.replace(str(folder), "").splitlines())) <= 80
    assert len(set(re.findall(r"pid (\d+)", first.stdout))) == 2
    assert len(set(re.findall(r"thread (\w+) ─", first.stdout))) == 4
    assert pids_of_postgres(folder) == []

    shown = run("-c", snippet(first.stdout))
    assert shown.returncode == 0, shown.stderr
    assert "users alice facts cat {'is': 'called Turing'" in shown.stdout

    second = run(EXAMPLES / "demo.py", "--folder", folder)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "4 facts of an earlier run are here" in second.stdout
    assert second.stdout.count("Welcome back!") == 2

    afresh = run(EXAMPLES / "demo.py", "--folder", folder, "--forget")
    assert afresh.returncode == 0, afresh.stdout + afresh.stderr
    assert "4 facts of earlier runs are forgotten." in afresh.stdout
    assert "Welcome back" not in afresh.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.postgres
def test_the_demo_leaves_nothing_running_when_it_is_interrupted(folder: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, EXAMPLES / "demo.py", "--folder", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert demo.stdout is not None
        while "is up" not in demo.stdout.readline():
            assert demo.poll() is None
        assert pids_of_postgres(folder) != []
        # As a terminal does, to every process of its foreground group.
        os.killpg(demo.pid, signal.SIGINT)
        _, said = demo.communicate(timeout=30)
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
    assert demo.returncode != 0
    assert "Postgres is stopped" in said
    assert pids_of_postgres(folder) == []


@pytest.fixture(scope="module")
def demo() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("examples_demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class Story:
    """What the demo's two processes said, and the rows, as they should be."""

    def __init__(self, demo: ModuleType) -> None:
        self.told: dict[str, Any] = {"pid": 1, "turns": [{"thread": "t1"}, {"thread": "t2"}]}
        self.asked: dict[str, Any] = {
            "pid": 2,
            "turns": [
                {"thread": "t3", "answers": "Your cat is called Turing."},
                {"thread": "t4", "answers": "Your dog is called Hopper."},
                {"thread": "t4", "answers": "I know nothing about Alice's cat."},
            ],
        }
        self.rows = [self.row(demo, "alice")]

    @staticmethod
    def row(demo: ModuleType, user: str) -> Any:
        value = {"is": "called Turing", "thread": "t1"}
        return demo.Row(user, "facts", "cat", value, 1, None)


def holds(demo: ModuleType, story: Story) -> list[bool]:
    return [held for _, held in demo.proofs(story.told, story.asked, story.rows)]


def test_the_demos_proofs_hold_for_the_story_as_it_should_be(demo: ModuleType) -> None:
    assert holds(demo, Story(demo)) == [True] * 4


@pytest.mark.parametrize(
    ("falsify", "broken"),
    [
        (lambda story: story.asked.update(pid=1), 0),
        (lambda story: story.asked["turns"][0].update(thread="t1"), 0),
        (lambda story: story.asked["turns"][0].update(answers="I know nothing."), 0),
        (lambda story: story.asked["turns"][1].update(answers="I know nothing."), 1),
        (lambda story: story.asked["turns"][2].update(answers="It is called Turing."), 2),
        (lambda story: story.asked["turns"][2].update(tools=["my cat is called Turing"]), 2),
        (lambda story: story.rows.clear(), 3),
        (lambda story: story.rows[0].value.update(thread="an earlier run's"), 3),
    ],
)
def test_the_demo_notices_what_is_not_so(
    demo: ModuleType, falsify: Callable[[Story], None], broken: int
) -> None:
    story = Story(demo)
    falsify(story)
    assert holds(demo, story)[broken] is False


def test_the_demo_notices_a_row_of_the_wrong_user(demo: ModuleType) -> None:
    story = Story(demo)
    story.rows.append(story.row(demo, "bob"))
    assert holds(demo, story)[3] is False


@pytest.mark.slow
@pytest.mark.postgres
def test_the_demo_fails_when_users_share_their_memory(folder: Path) -> None:
    examples = shutil.copytree(EXAMPLES, folder / "examples")
    agent = (examples / "demo_agent.py").read_text("utf-8")
    assert "store.per_user()" in agent
    shared = agent.replace("store.per_user()", 'store.for_user("alice")')
    (examples / "demo_agent.py").write_text(shared, "utf-8")

    done = run(examples / "demo.py", "--folder", folder / "data")

    assert done.returncode == 1, done.stderr
    assert "✗ NOT SO: bob knows nothing of alice's cat" in done.stdout
