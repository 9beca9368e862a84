"""Products of parameters, of which each run tries a part and `-m slow` the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest


def one_in(n: int, *axes: Sequence[Any]) -> Iterator[Any]:
    """Give every combination, all but one in `n` of them marked as slow.

    Those that are left are spread evenly: if each axis has at least `n` values, every value is
    among them, and with three axes every value still meets every value of each other axis.
    """
    for places in product(*(range(len(axis)) for axis in axes)):
        values = [axis[place] for axis, place in zip(axes, places, strict=True)]
        yield pytest.param(*values, marks=[pytest.mark.slow] if sum(places) % n else [])
