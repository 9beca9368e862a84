"""Controls of data care, each in a room of its own: off unless asked for."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from .encryption import Encryption, KeyProvider, LocalKeys

__all__ = ["Encryption", "KeyProvider", "LocalKeys"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__, {".encryption": ("Encryption", "KeyProvider", "LocalKeys")}
    )
