"""Connections: how they are made, shared, watched and replaced."""
