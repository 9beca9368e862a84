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
from dataclasses import dataclass
from datetime import datetime, timezone
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

SCHEMA = "demo"
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
    folder = _start_postgres(options.folder)
    _greet(folder, forget=options.forget)

    threads = iter(uuid4().hex[:6] for _ in range(4))
    told = _converse(
        folder,
        "First process: two users tell",
        ("alice", next(threads), "My name is Alice and my cat is called Turing."),
        ("bob", next(threads), "My name is Bob and my dog is called Hopper."),
    )
    console.print("[dim]It has ended, and its conversations with it.[/]\n")

    bobs_new_thread = next(threads)
    asked = _converse(
        folder,
        "Second process, new threads: they ask",
        ("alice", next(threads), "What is my cat called?"),
        ("bob", bobs_new_thread, "What is my dog called?"),
        ("bob", bobs_new_thread, "What is Alice's cat called?"),
    )
    rows = asyncio.run(_rows(folder))
    _show_rows(rows)
    holds = _show_proofs(proofs(told, asked, rows))
    _show_where(folder)
    return 0 if holds else 1


def proofs(told: dict[str, Any], asked: dict[str, Any], rows: list[Row]) -> list[tuple[str, bool]]:
    """What the two processes and the rows must show, and whether they do."""
    alice, bob, spy = asked["turns"]
    alice_told = told["turns"][0]
    told_threads = {turn["thread"] for turn in told["turns"]}
    cat = [row for row in rows if row.value["is"] == "called Turing"]
    return [
        (
            "alice got her cat's name from another process, in another thread",
            alice["answers"] == "Your cat is called Turing."
            and asked["pid"] != told["pid"]
            and alice["thread"] not in told_threads,
        ),
        ("bob got his dog's name", bob["answers"] == "Your dog is called Hopper."),
        (
            "bob asked for alice's cat, and nothing is known: his store cannot name her records",
            spy["answers"] == "I know nothing about Alice's cat." and "Turing" not in str(spy),
        ),
        (
            "the answer is this one row: "
            + " : ".join((cat[0].user_id, cat[0].namespace, cat[0].key) if cat else ("missing",)),
            [(row.user_id, row.value["thread"]) for row in cat] == [("alice", alice_told["thread"])],
        ),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An agent that remembers, across processes.")
    parser.add_argument("--folder", type=Path, help="where the bundled Postgres keeps its data")
    parser.add_argument("--forget", action="store_true", help="remove what earlier runs left")
    return parser.parse_args()


def _introduce() -> None:
    story = (
        "[bold]Agents that remember[/]\n"
        "A process is told something and ends. Another one knows it, for the right user only."
    )
    console.print(Panel(story, box=box.ROUNDED, border_style="cyan", padding=(0, 2)))


def _start_postgres(folder: Path | None) -> Path:
    """Starts it for this process too, so that it stays up from one conversation to the next."""
    began = time.perf_counter()
    postgres = EmbeddedPostgres(folder)
    with console.status("Postgres starts …"):
        postgres.start()
    console.print(f"Postgres is up after {time.perf_counter() - began:.1f} s.\n")
    return postgres.path


def _greet(folder: Path, *, forget: bool) -> None:
    with AgentStore.embedded(folder, schema=SCHEMA) as store:
        forgotten = forget and sum(map(store.delete_user, ("alice", "bob")))
    if forgotten:
        console.print(f"{forgotten} facts of earlier runs are forgotten.\n")
    if rows := asyncio.run(_rows(folder)):
        minutes = (datetime.now(timezone.utc) - max(row.updated_at for row in rows)).seconds // 60
        ago = f"{minutes} minutes ago" if minutes > 1 else "just now"
        console.print(
            f"This folder remembers you: {len(rows)} facts, told {ago}. The agent will notice; "
            "[bold]--forget[/] begins anew.\n"
        )


def _converse(folder: Path, title: str, *turns: tuple[str, str, str]) -> dict[str, Any]:
    """A process of its own talks; shown when it has ended."""
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
    width = min(max(len(text) + 4, 34), console.width - 8)
    return Panel(
        escape(text), title=title, title_align="left", border_style=colour, width=width
    )


async def _rows(folder: Path) -> list[Row]:
    """Read by plain SQL, past the store."""
    connection = await asyncpg.connect(EmbeddedPostgres(folder).start())
    try:
        found = await connection.fetch(
            "SELECT user_id, namespace, key, value, version, updated_at "
            f"FROM {SCHEMA}.item ORDER BY user_id, namespace, key"
        )
    finally:
        await connection.close()
    return [Row(**{**row, "value": json.loads(row["value"])}) for row in found]


def _show_rows(rows: list[Row]) -> None:
    console.print()
    console.rule(f"[bold]What Postgres holds[/]  [dim]table {SCHEMA}.item[/]", style="cyan")
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("user", ": namespace", ": key", "value", "version"):
        table.add_column(name, justify="right" if name == "version" else "left")
    for row in rows:
        value = escape(json.dumps(row.value, ensure_ascii=False))
        table.add_row(
            row.user_id, f": {row.namespace}", f": {row.key}", value, str(row.version)
        )
    console.print(table)


def _show_proofs(proved: list[tuple[str, bool]]) -> bool:
    for claim, holds in proved:
        mark = "[bold green]✓[/]" if holds else "[bold red]✗ NOT SO:[/]"
        console.print(f"{mark} {claim}")
    return all(holds for _, holds in proved)


def _show_where(folder: Path) -> None:
    path = "" if folder == EmbeddedPostgres().path else f"{str(folder)!r}, "
    console.print()
    console.rule("[bold]See for yourself[/]", style="cyan")
    console.print(f"The data stay in {folder}, schema {SCHEMA!r}. From Python:\n", soft_wrap=True)
    console.print(
        "from langgraph_agentstore import AgentStore\n"
        f"with AgentStore.embedded({path}schema={SCHEMA!r}) as store:\n"
        "    print(*store.iter_items(), sep='\\n')",
        style="bold",
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # A second Ctrl-C must not keep Postgres from being stopped at exit.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        console.print("\nInterrupted; Postgres is stopped.")
        sys.exit(130)
