"""Time to live, as callers give it and as it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from langgraph.store.base import TTLConfig
from typing_extensions import override

from ..errors import ConfigurationError, InvalidOperationError
from .checks import is_number

MAX_TTL_MINUTES = 525_960_000
"""A thousand years."""


def ttl_interval(minutes: float | None) -> timedelta | None:
    """Return a TTL of minutes, exact to the microsecond; None means never.

    Raises:
        InvalidOperationError: not a number above 0 and up to `MAX_TTL_MINUTES`.
    """
    if minutes is None:
        return None
    if not is_number(minutes):
        raise InvalidOperationError(f"ttl is a number of minutes or None, got {minutes!r}")
    interval = timedelta(0)
    if math.isfinite(minutes) and 0 < minutes <= MAX_TTL_MINUTES:
        interval = timedelta(minutes=minutes)
    if not interval:
        raise InvalidOperationError(
            f"ttl is above 0 and at most {MAX_TTL_MINUTES} minutes, got {minutes!r}; "
            "None for an item that never expires"
        )
    return interval


class TtlOptions(dict[str, Any]):
    """A store's `ttl_config`, which may be changed like that of the official store.

    Changes of `default_ttl` and `refresh_on_read` take effect at once. The other two are fixed when
    a store is made, since statements and the sweeper use them.
    """

    DECIDED = ("omit_expired", "sweep_interval_minutes")
    """What is decided when a store is made."""

    @override
    def __setitem__(self, name: str, value: Any) -> None:
        self._check({name: value})
        super().__setitem__(name, value)

    @override
    def __delitem__(self, name: str) -> None:
        self._check({name: None})
        super().__delitem__(name)

    @override
    def update(self, *given: Any, **named: Any) -> None:
        changed = dict(*given, **named)
        self._check(changed)
        super().update(changed)

    @override
    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    @override
    def pop(self, name: str, *default: Any) -> Any:
        if name in self:
            self._check({name: None})
        return super().pop(name, *default)

    @override
    def clear(self) -> None:
        self._check(dict.fromkeys(self))
        super().clear()

    def _check(self, changed: Mapping[str, Any]) -> None:
        for name in self.DECIDED:
            if name in changed and changed[name] != self.get(name, _UNSET.get(name)):
                raise ConfigurationError(
                    f"ttl_config[{name!r}] is decided when the store is made: "
                    f"AgentStore(ttl={{{name!r}: {changed[name]!r}}})"
                )


_UNSET = {"omit_expired": True}
"""What counts where the option was not given."""


def ttl_options(given: TTLConfig | None) -> TTLConfig | None:
    """Return the `ttl_config` of a store for its `ttl` option."""
    return None if given is None else cast("TTLConfig", TtlOptions(given))


def replaced_options(old: TTLConfig | None, new: TTLConfig | None) -> TTLConfig | None:
    """Return the `ttl_config` that replaces another.

    Raises:
        ConfigurationError: it differs in an option that is fixed when a store is made.
    """
    TtlOptions(old or {}).update(dict.fromkeys(TtlOptions.DECIDED) | _UNSET | dict(new or {}))
    return ttl_options(new)
