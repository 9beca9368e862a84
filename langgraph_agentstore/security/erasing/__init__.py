"""Erasing of a person: everything goes, a tombstone refuses late writers."""
