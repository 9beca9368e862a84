"""Helpers that know nothing of stores: files, locks, pages, progress, optional packages."""
