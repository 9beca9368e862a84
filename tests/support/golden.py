"""Texts that are kept word for word in files, so that a change of one is seen in review."""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(path: Path, text: str) -> None:
    """Compare a text with its file; with UPDATE_GOLDEN in the environment, write it first."""
    text = text.strip() + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    assert golden == text, "if it should: run this file with UPDATE_GOLDEN=1, read `git diff`"
