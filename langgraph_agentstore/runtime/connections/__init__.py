"""Connections: how one is made, shared, watched and replaced."""
