"""What several tests of connections use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults import execute


@pytest.fixture
def role(fresh_database: str, schema_name: str) -> Iterator[str]:
    """A role without any right but to connect."""
    name = f"role_{schema_name}"
    execute(fresh_database, "CREATE ROLE {} LOGIN", name)
    yield name
    execute(fresh_database, "DROP OWNED BY {}", name)
    execute(fresh_database, "DROP ROLE {}", name)
