"""What several tests of files use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for the examples of a property, which are run from code without one."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
