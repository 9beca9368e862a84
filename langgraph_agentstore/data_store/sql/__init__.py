"""Statements of data stores; no I/O."""
