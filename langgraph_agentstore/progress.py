"""Progress of long work: a bar on a terminal, a callable, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

Progress: TypeAlias = Callable[[int], None]
"""Called with how many items are done so far."""


@contextmanager
def telling_progress(
    progress: Progress | bool | None, title: str, total: int | None = None
) -> Iterator[Progress]:
    """What to call with how many items are done.

    True shows a bar if stderr is a terminal and `rich` is installed.
    """
    if callable(progress):
        yield progress
    elif progress and sys.stderr.isatty() and (bar := _rich_bar()) is not None:
        with bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)
            if total is None:  # known now: "40000/?" would look like half of it
                bar.update(task, total=bar.tasks[0].completed)
    else:
        yield lambda _done: None


def _rich_bar() -> Any | None:
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        return None
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
