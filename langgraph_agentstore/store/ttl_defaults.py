"""The TTL options of a store that apply where a call names none."""

from __future__ import annotations

from langgraph.store.base import BaseStore


def default_ttl(store: BaseStore) -> float | None:
    """Return the TTL, in minutes, of items that are written to any store without one."""
    return (getattr(store, "ttl_config", None) or {}).get("default_ttl")


def refreshes(store: BaseStore, asked: bool | None) -> bool:
    """Tell whether a read renews expiries: as asked, else as the store does."""
    if asked is not None:
        return asked
    return bool((store.ttl_config or {}).get("refresh_on_read", True))
