"""Statements that write, read and list items."""
