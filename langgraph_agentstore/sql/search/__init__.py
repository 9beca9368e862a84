"""Statements that search by a query: by vectors, by text, by both."""
