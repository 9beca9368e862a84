"""Encryption of values in the store, by a data key for each user."""
