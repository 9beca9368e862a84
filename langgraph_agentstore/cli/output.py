"""Output of commands: tables for a person, JSON lines for a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..results import Finding
from ..tools.printable import one_line, safe_json
from .failures import OutputClosed

OutputRow = Mapping[str, Any]

_LONGEST_CELL = 400
_GAP = 2
_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: the entry of a row that it shows, and how."""

    name: str
    title: str
    kind: Literal["text", "number", "time", "rest"] = "text"
    """A text is cut where it is long; "rest" is cut to the room that is left."""


class Output:
    """Writes the results of one command to standard output, and notes to standard error.

    Args:
        as_json: whether to write JSON lines; None: unless standard output is a terminal.
    """

    def __init__(self, as_json: bool | None) -> None:
        self.as_json = not sys.stdout.isatty() if as_json is None else as_json
        self._console = _PipeConsole(highlight=False, emoji=False, markup=False)

    def rows(self, columns: Sequence[TableColumn], rows: Iterable[OutputRow]) -> int:
        """Write rows; return their number."""
        if self.as_json:
            return sum(self.line(row) for row in rows)
        lines = [[_table_cell(row.get(column.name)) for column in columns] for row in rows]
        if lines:
            self._console.print(self._table(columns, lines))
        return len(lines)

    def _table(self, columns: Sequence[TableColumn], lines: Sequence[Sequence[Text]]) -> Table:
        texts = sum(column.kind == "text" for column in columns)
        widths = [
            max(len(column.title), *(line[n].cell_len for line in lines))
            for n, column in enumerate(columns)
        ]
        fits = sum(widths) + _GAP * len(columns) <= self._console.width
        table = Table(
            box=None,
            pad_edge=False,
            padding=(0, _GAP, 0, 0),
            header_style="bold",
            expand=any(column.kind == "rest" for column in columns),
        )
        for n, column in enumerate(columns):
            width = widths[n]
            if column.kind == "text" and not fits:  # a long key leaves room for the rest
                width = min(width, max(8, self._console.width // (2 + texts)))
            table.add_column(
                column.title,
                justify="right" if column.kind == "number" else "left",
                no_wrap=True,
                overflow="ellipsis",
                ratio=1 if column.kind == "rest" else None,
                width=None if column.kind == "rest" else width,
            )
        for line in lines:
            table.add_row(*line)
        return table

    def facts(self, facts: OutputRow) -> None:
        """Write one object: a line for each entry, or one line of JSON."""
        if self.as_json:
            self.line(facts)
            return
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name.replace("_", " "), _table_cell(value, None))
        self._console.print(table)

    def findings(self, findings: Sequence[Finding]) -> None:
        """Write findings, each with its cure below it."""
        if self.as_json:
            for finding in findings:
                self.line(asdict(finding))
            return
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for finding in findings:
            text = _table_cell(finding.message, None)
            if finding.cure and finding.level != "ok":
                text.append(f"\n→ {one_line(finding.cure)}", style="italic")
            table.add_row(Text(finding.level, style=_STYLES[finding.level]), finding.check, text)
        self._console.print(table)

    def line(self, row: OutputRow) -> int:
        """Write one line of JSON; return 1."""
        self.text(safe_json({name: _json_ready(value) for name, value in row.items()}))
        return 1

    def text(self, text: str) -> None:
        """Write a text that is safe to show, and a line end."""
        try:
            sys.stdout.write(f"{text}\n")
        except BrokenPipeError:
            raise OutputClosed from None

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise OutputClosed from None


def note(text: str) -> None:
    """Write a line to standard error, for a person."""
    sys.stderr.write(f"{one_line(text)}\n")


class _PipeConsole(Console):
    """A console that ends as the rest of the command does when its reader has gone."""

    def on_broken_pipe(self) -> None:
        raise OutputClosed


def _table_cell(value: Any, longest: int | None = _LONGEST_CELL) -> Text:
    # Never markup: a stored text may hold brackets.
    return Text(one_line(_text_of(value), longest))


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else safe_json(value)


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_json_ready(part) for part in value]
    if isinstance(value, Mapping):
        return {name: _json_ready(part) for name, part in value.items()}
    return value
