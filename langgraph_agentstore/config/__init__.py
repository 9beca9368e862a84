"""Options of a store: the connection string, the pool, the index."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from .store_options import PoolConfig

__all__ = ["PoolConfig"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {".store_options": ("PoolConfig",)})
