"""The store at work: one process is told facts, another, later, answers from them.

python examples/demo.py             the bundled Postgres, in the platform's data folder
python examples/demo.py --folder x  … in a folder of your choice
python examples/demo.py --forget    what earlier runs were told is removed first
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from rich import box
from rich.align import Align
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.errors import AgentStoreError

SCHEMA = "agentstore_demo"
USERS = ("alice", "bob")
AGENT = Path(__file__).with_name("demo_agent.py")

console = Console(highlight=False, width=min(Console().width, 88))


@dataclass(frozen=True)
class Row:
    """An item as it is in Postgres."""

    user_id: str
    namespace: str
    key: str
    value: dict[str, Any]
    version: int
    updated_at: datetime


def main() -> int:
    """Exit status: 0 if every proof holds."""
    options = _options()
    _introduce()
    postgres = EmbeddedPostgres(options.folder)
    dsn = _start(postgres)
    _greet(postgres.path, dsn, forget=options.forget)

    thread_1, thread_2, thread_3, thread_4 = (uuid4().hex[:6] for _ in range(4))
    told = _converse(
        postgres.path,
        "The first process is told",
        ("alice", thread_1, "My name is Alice and my cat is called Turing."),
        ("bob", thread_2, "My name is Bob and my dog is called Hopper."),
    )
    console.print("[dim]It has ended, and its conversations with it.[/]\n")

    asked = _converse(
        postgres.path,
        "The second process is asked, in new threads",
        ("alice", thread_3, "What is my cat called?"),
        ("bob", thread_4, "What is my dog called?"),
        ("bob", thread_4, "What is Alice's cat called?"),
    )
    rows = asyncio.run(_rows(dsn))
    _show_rows(rows)
    holds = _show_proofs(proofs(told, asked, rows))
    _show_where(postgres.path)
    return 0 if holds else 1


def proofs(
    told: dict[str, Any], asked: dict[str, Any], rows: Sequence[Row]
) -> list[tuple[str, bool]]:
    """Return each claim about the two processes and the rows, and whether it holds."""
    alice, bob, bob_curious = asked["turns"]
    thread_told = told["turns"][0]["thread"]
    cats = [row for row in rows if "Turing" in str(row.value)]
    return [
        (
            "alice's cat: told to one process, known to another, in another thread",
            alice["answers"] == "Your cat is called Turing."
            and asked["pid"] != told["pid"]
            and alice["thread"] != thread_told,
        ),
        ("bob's dog as well", bob["answers"] == "Your dog is called Hopper."),
        (
            "bob knows nothing of alice's cat: his store cannot name her records",
            bob_curious["answers"] == "I know nothing about Alice's cat."
            and "Turing" not in str([bob, bob_curious]),
        ),
        (
            "one row holds it: alice : facts : cat",
            [(cat.user_id, cat.namespace, cat.key, cat.value["thread"]) for cat in cats]
            == [("alice", "facts", "cat", thread_told)],
        ),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An agent that remembers, across processes.")
    parser.add_argument("--folder", type=Path, help="where the bundled Postgres keeps its data")
    parser.add_argument("--forget", action="store_true", help="remove what earlier runs left")
    return parser.parse_args()


def _introduce() -> None:
    story = (
        "[bold]An agent that remembers[/]\n"
        "Two users, two processes, four threads: one LangGraph store on Postgres."
    )
    console.print(Panel(story, box=box.ROUNDED, border_style="cyan", padding=(0, 2)))


def _start(postgres: EmbeddedPostgres) -> str:
    """For this process too, so that it stays up from one conversation to the next."""
    began = time.perf_counter()
    with console.status("Postgres starts …"):
        dsn = postgres.start()
    console.print(f"The bundled Postgres is up after {time.perf_counter() - began:.1f} s.\n")
    return dsn


def _greet(folder: Path, dsn: str, *, forget: bool) -> None:
    with AgentStore.embedded(folder, schema=SCHEMA) as store:
        forgotten = sum(map(store.delete_user, USERS)) if forget else 0
    if forgotten:
        console.print(f"{forgotten} facts of earlier runs are forgotten.\n")
    if rows := asyncio.run(_rows(dsn)):
        last = max(row.updated_at for row in rows).astimezone()
        console.print(
            f"{len(rows)} facts of an earlier run are here ({last:%d %B, %H:%M}): the agent will "
            "notice.\n[bold]make demo ARGS=--forget[/] begins anew.\n"
        )


def _converse(folder: Path, title: str, *turns: tuple[str, str, str]) -> dict[str, Any]:
    """Let a process of its own talk; show it when it has ended."""
    task = json.dumps({"folder": str(folder), "turns": turns})
    with console.status("A process starts, and talks …"):
        done = subprocess.run(
            [sys.executable, AGENT], input=task, capture_output=True, text=True, check=False
        )
    if done.returncode:
        console.print(done.stderr, markup=False)
        raise SystemExit(f"the process {AGENT.name} failed with status {done.returncode}")
    said: dict[str, Any] = json.loads(done.stdout)
    console.rule(f"[bold]{title}[/]  [dim]pid {said['pid']}[/]", style="cyan")
    for turn in said["turns"]:
        _show_turn(turn)
    return said


def _show_turn(turn: dict[str, Any]) -> None:
    colour = "green" if turn["user"] == "alice" else "yellow"
    title = f"[bold]{turn['user']}[/] · thread {turn['thread']}"
    console.print(_bubble(turn["says"], title, colour))
    for name, args, result in turn["tools"]:
        given = ", ".join(map(repr, args.values()))
        console.print(f"  [dim]{escape(f'{name}({given}) → {result}')}[/]")
    console.print(Align.right(_bubble(turn["answers"], "[bold]agent[/]", "magenta")))


def _bubble(text: str, title: str, colour: str) -> Panel:
    width = min(max(len(text) + 4, 30), console.width - 8)
    return Panel(escape(text), title=title, title_align="left", border_style=colour, width=width)


async def _rows(dsn: str) -> list[Row]:
    """Read by plain SQL, past the store."""
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch(
            "SELECT user_id, namespace, key, value, version, updated_at "
            f"FROM {SCHEMA}.item ORDER BY user_id, namespace, key"
        )
    finally:
        await connection.close()
    return [Row(**{**row, "value": json.loads(row["value"])}) for row in found]


def _show_rows(rows: Sequence[Row]) -> None:
    console.print()
    console.rule(f"[bold]What Postgres holds[/]  [dim]table {SCHEMA}.item[/]", style="cyan")
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=0)
    for name in ("user", ": namespace", ": key", "value", "version"):
        table.add_column(name, justify="right" if name == "version" else "left")
    for row in rows:
        value = escape(json.dumps(row.value, ensure_ascii=False))
        table.add_row(row.user_id, f": {row.namespace}", f": {row.key}", value, str(row.version))
    console.print(table)


def _show_proofs(proved: list[tuple[str, bool]]) -> bool:
    for claim, holds in proved:
        mark = "[bold green]✓[/]" if holds else "[bold red]✗ NOT SO:[/]"
        console.print(f"{mark} {claim}")
    return all(holds for _, holds in proved)


def _show_where(folder: Path) -> None:
    path = "" if folder == EmbeddedPostgres().path else f"{str(folder)!r}, "
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    console.print()
    console.rule("[bold]See for yourself[/]", style="cyan")
    console.print(
        f"Postgres ends with this process; the data stay in\n  {escape(str(folder))}\n"
        f"schema {SCHEMA!r}. Look at them in {escape(str(python))}:\n",
        soft_wrap=True,
    )
    console.print(
        "from langgraph_agentstore import AgentStore\n"
        f"with AgentStore.embedded({path}schema={SCHEMA!r}) as store:\n"
        "    for item in store.iter_items():\n"
        "        print(*item.namespace, item.key, item.value)",
        style="bold",
        markup=False,
        soft_wrap=True,
    )


_interrupted: list[int] = []
"""Signals that came: an exception raised while something is finalised is lost."""


def _interrupt(number: int, _frame: object) -> None:
    _interrupted.append(number)
    raise KeyboardInterrupt


if __name__ == "__main__":
    # An output that cannot show ✓ shows ? instead.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        status = main()
        if _interrupted:
            raise KeyboardInterrupt
        sys.exit(status)
    except AgentStoreError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        # A second Ctrl-C must not keep Postgres from being stopped at exit.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit("\nInterrupted; Postgres is stopped.")
