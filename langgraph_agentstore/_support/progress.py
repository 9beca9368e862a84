"""Progress of long work: a bar for a person, a callable, or nothing."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TextIO, TypeAlias

Progress: TypeAlias = Callable[[int], None]
"""Called with how many items are done so far."""

_REDRAWN_EVERY_S = 0.1


@contextmanager
def telling_progress(
    progress: Progress | bool | None, title: str, total: int | None = None
) -> Iterator[Progress]:
    """Yield the function to call with the number of items done.

    True shows a bar on a terminal and in a notebook: `tqdm`'s, or a plain count without it.
    """
    if callable(progress):
        yield progress
    elif progress and is_watched():
        shown = _tqdm_bar(title, total) if find_spec("tqdm") else _plain_count(title, total)
        with shown as tell:
            yield tell
    else:
        yield lambda _done: None


def is_watched() -> bool:
    """Tell whether a person reads stderr now: it is a terminal, or a notebook shows it."""
    return sys.stderr is not None and (sys.stderr.isatty() or _in_notebook())


def tell(text: str) -> None:
    """Write a line for a person who watches; write nothing into logs."""
    if is_watched():
        _write(f"{text}\n")


def _in_notebook() -> bool:
    # IPython on a terminal has no kernel. A notebook has imported IPython already.
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def _tqdm_bar(title: str, total: int | None) -> Iterator[Progress]:
    with warnings.catch_warnings():
        # Without ipywidgets it shows its bar of characters, and warns.
        warnings.simplefilter("ignore")
        tqdm: Any = import_module("tqdm.auto").tqdm
    with tqdm(desc=title, total=total, mininterval=_REDRAWN_EVERY_S, file=_stream()) as bar:
        yield lambda done: bar.update(done - bar.n)
        if total is None:  # known now: "40000it" would look like half of it
            bar.total = bar.n
        bar.refresh()


@contextmanager
def _plain_count(title: str, total: int | None) -> Iterator[Progress]:
    drawn_s, latest = 0.0, 0

    def draw() -> None:
        of = "" if total is None else f"/{total}"
        _write(f"\r{title}: {latest}{of}")

    def tell_count(done: int) -> None:
        nonlocal drawn_s, latest
        latest = done
        if time.monotonic() - drawn_s >= _REDRAWN_EVERY_S:
            draw()
            drawn_s = time.monotonic()

    try:
        yield tell_count
    finally:
        draw()
        _write("\n")


def _write(text: str) -> None:
    stream = _stream()
    stream.write(text)
    stream.flush()


def _stream() -> TextIO:
    # A notebook shows standard error in red, as a failure.
    return sys.stdout if _in_notebook() else sys.stderr
