"""Sharing: a user lets another one read, or also write, a namespace."""
