"""Large values are decoded away from the I/O thread, on which everybody's answers wait.

A JSON text of ten megabytes takes some 50 ms to decode. The driver decodes while it reads a row,
so it is given no more than a wrapper for such a value; once the statement is done, and its
connection free for others, a worker thread decodes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from ..sql.statement import LARGE_VALUE_BYTES, Row


class LargeValue:
    """A value that is not decoded yet: the bytes of jsonb's wire format."""

    __slots__ = ("wire",)

    seen = 0
    """How many were read, of all connections: it only tells that there was one."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        LargeValue.seen += 1


def decode_jsonb(wire: bytes) -> Any:
    """Decode a value for the driver, unless it is large."""
    return orjson.loads(wire[1:]) if len(wire) <= LARGE_VALUE_BYTES else LargeValue(wire)


async def with_large_values(rows: Sequence[Row]) -> Sequence[Row]:
    """Decode the large values of rows, on a worker thread."""
    return await asyncio.to_thread(_decoded, rows)


def _decoded(rows: Sequence[Row]) -> list[Row]:
    return [
        tuple([orjson.loads(v.wire[1:]) if type(v) is LargeValue else v for v in row])
        for row in rows
    ]
