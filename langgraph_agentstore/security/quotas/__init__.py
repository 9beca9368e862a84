"""Quotas and retention: how much of a user is kept, and for how long."""
