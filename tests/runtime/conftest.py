"""What several tests of connections use."""

from __future__ import annotations
