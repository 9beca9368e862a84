"""Draw docs/images/command_line.svg from what the command really shows.

python -m tests.cli.picture
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text

from langgraph_agentstore import AgentStore, DataStore
from tests.support.commands import raw_on_terminal
from tests.support.servers import TestServer, temporary_folder

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "command_line.svg"
WIDTH = 88
COMMANDS = (
    "tree users",
    "ls users/alice/notes",
    "search 'green tea' --user alice",
    "doctor",
)


def fill(dsn: str) -> None:
    """Put what two users' agents might keep."""
    with AgentStore(dsn, index={"mode": "text"}) as store:
        alice, notes = store.for_user("alice"), ("notes",)
        alice.put(notes, "tea", {"text": "Green tea at 80 degrees, three minutes", "n": 2})
        alice.put(notes, "cat", {"text": "Her cat Mimi sleeps on the green sofa", "n": 1})
        alice.put(("notes", "travel"), "lisbon", {"text": "Wants to see Lisbon in May", "n": 1})
        alice.put(("profile",), "language", {"value": "English"})
        store.for_user("bob@example.com").put(notes, "coffee", {"text": "Black, no sugar"})
        DataStore(store, "alice", "planner", "notes").get("tea")


def main() -> None:
    """Write the picture."""
    console = Console(record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
    with temporary_folder() as folder:
        server = TestServer(folder)
        try:
            fill(server.dsn)
            for command in COMMANDS:
                shown = raw_on_terminal(*shlex.split(command), dsn=server.dsn, columns=WIDTH)
                console.print(Text(f"$ agentstore {command}", style="bold cyan"))
                console.print(Text.from_ansi(shown.out.rstrip()))
                console.print()
        finally:
            server.stop()
    drawn = console.export_svg(title="agentstore")
    # Nothing is loaded from elsewhere.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code, monospace", "monospace")
    PICTURE.write_text(re.sub(r"<!-- Generated .*? -->", "", drawn), encoding="utf-8")


if __name__ == "__main__":
    main()
