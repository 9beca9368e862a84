"""The rules for attempts to connect: the outcome of the last ones, the time of the next. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...config.store_options import PoolConfig
from ..driver_errors import is_full, may_pass

_PAUSES_S = {"grow": (1.0, 30.0), "full": (0.1, 1.0), "down": (0.05, 0.25)}
"""The first and the longest pause between attempts; each is twice the one before."""

_CLOSING_S = 2.0
"""How long a process that ends waits for a server that is away."""

_REFUSED_S = 60.0
"""How long after a refusal only statements get connections."""


class Attempts:
    """The attempts of one pool; `clock` gives seconds, `size` is how many connections are open.

    `width` is how many connections there can be, as far as is known. `ceiling` is the limit that a
    refusal revealed.
    """

    def __init__(self, config: PoolConfig, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._pause_s = 0.0
        self._again_s = self._refused_s = -math.inf
        self._down_s: float | None = None
        self._closing_s = math.inf
        self._was_open = False
        self._lost: Any = None
        self.failovers = 0
        """How often another server took over."""
        self.failure: Exception | None = None
        self.ceiling: int | None = None
        self.width = config.max_size

    @property
    def may_spare_one(self) -> bool:
        """Tell whether no connection was refused lately because there were too many."""
        return self._clock() - self._refused_s > _REFUSED_S

    def wait_s(self, size: int) -> float | None:
        """Return how long the next attempt has to wait; None if any number may be made at once."""
        if self.failure is None or size < (self.ceiling or 0):
            return None
        return max(0.0, self._again_s - self._clock())

    def succeeded(self, size: int, server: Any = None) -> None:
        """Record a connection to a server, made beside `size` others."""
        if self._lost is not None and server != self._lost:
            self.failovers += 1
        self._lost = None
        self.failure, self._pause_s, self._down_s, self._was_open = None, 0.0, None, True
        if self.ceiling is not None and size >= self.ceiling:
            self.ceiling += 1
        self._set_ceiling(None if self.ceiling == self._config.max_size else self.ceiling)

    def failed(self, error: Exception, size: int) -> bool:
        """Record a failure; return whether callers should go on waiting."""
        self.failure = error
        now, full = self._clock(), is_full(error)
        if full:
            self._refused_s = now
            self._set_ceiling(size or None)
        if not size:
            self._down_s = now if self._down_s is None else self._down_s
        if now >= self._again_s:  # else it is one of several that were made together
            kind = "down" if not full else "grow" if size else "full"
            shortest_s, longest_s = _PAUSES_S[kind]
            self._pause_s = min(max(self._pause_s * 2, shortest_s), longest_s)
            self._again_s = now + self._pause_s
        return bool(size) or full or self._may_be_back(error, now)

    def end_soon(self) -> None:
        """Shorten the wait for a server that is away, because the store is closing."""
        self._closing_s = self._clock()

    def lost_all(self, server: Any = None) -> None:
        """Let the next attempt start at once, because no connection to the server is left."""
        self._lost = server
        self._again_s, self._pause_s = -math.inf, 0.0

    def _set_ceiling(self, ceiling: int | None) -> None:
        self.ceiling = ceiling
        self.width = self._config.max_size if ceiling is None else ceiling

    def _may_be_back(self, error: Exception, now: float) -> bool:
        if now - self._closing_s > _CLOSING_S:
            return False
        lasted_s = now - (now if self._down_s is None else self._down_s)
        return self._was_open and may_pass(error) and lasted_s < self._config.failover_wait
