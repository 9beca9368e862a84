"""Encryption of values in the store, by a data key for each user."""

from .local_keys import LocalKeys
from .options import Encryption, KeyProvider

__all__ = ["Encryption", "KeyProvider", "LocalKeys"]
