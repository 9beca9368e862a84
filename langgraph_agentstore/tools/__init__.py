"""Shared parts of the tools around the store: addresses, filters and values as people read them."""
