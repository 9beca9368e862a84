"""Families of tests, of which each run tries a part and `-m slow` the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd
from typing import Any

import pytest

few = pytest.mark.few
"""Marks a function: of its tests so many are run each time, spread evenly; the others are slow."""


def one_in(n: int, *axes: Sequence[Any]) -> Iterator[Any]:
    """Give every combination, all but one in `n` of them marked as slow.

    Those that are left are spread evenly: if each axis has at least `n` values, every value is
    among them, and with three axes every value still meets every value of each other axis.
    """
    for places in product(*(range(len(axis)) for axis in axes)):
        values = [axis[place] for axis, place in zip(axes, places, strict=True)]
        yield pytest.param(*values, marks=[pytest.mark.slow] if sum(places) % n else [])


def mark_all_but_few(items: Sequence[pytest.Item]) -> None:
    """Mark what `few` leaves out as slow."""
    families: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("few") and not item.get_closest_marker("slow"):
            families.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for family in families.values():
        marker = family[0].get_closest_marker("few")
        number = marker.args[0] if marker else 0
        # With two axes, not always the same value of the inner one; and no test comes twice.
        step = len(family) // number + 1
        while gcd(step, len(family)) > 1:
            step += 1
        kept = {n * step % len(family) for n in range(number)}
        for place, item in enumerate(family):
            if place not in kept:
                item.add_marker(pytest.mark.slow)
