"""The standbys that a command reads from, by option, profile and environment; no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_agentstore.cli import server
from langgraph_agentstore.cli.server import chosen_server
from langgraph_agentstore.errors import ConfigurationError

PRIMARY, STANDBY = "postgresql://primary/d", "postgresql://standby/d"


@pytest.fixture(autouse=True)
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of profiles, not there yet; and an environment that names no server."""
    for name in ("AGENTSTORE_DSN", "AGENTSTORE_READ_DSN"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "profiles.toml"
    monkeypatch.setattr(server, "profiles_path", lambda: path)
    return path


def test_standbys_are_named_by_an_option_or_a_profile(profiles: Path) -> None:
    assert chosen_server(PRIMARY, None, None, None, STANDBY).read_dsn == STANDBY
    assert chosen_server(PRIMARY, None, None, None).read_dsn is None
    profiles.write_text(f'[live]\ndsn = "{PRIMARY}"\nread_dsn = "{STANDBY}"\n')
    profiles.chmod(0o600)
    assert chosen_server(None, "live", None, None).read_dsn == STANDBY


def test_those_of_the_environment_belong_to_its_own_primary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENTSTORE_READ_DSN", STANDBY)
    assert chosen_server(PRIMARY, None, None, None).read_dsn is None
    monkeypatch.setenv("AGENTSTORE_DSN", PRIMARY)
    assert chosen_server(None, None, None, None).read_dsn == STANDBY


def test_only_commands_that_change_nothing_read_from_standbys() -> None:
    chosen = chosen_server(PRIMARY, None, None, None, STANDBY)
    assert chosen.store()._config.replicas is None
    assert chosen.store(read_only=True)._config.replicas is not None


def test_the_bundled_postgres_has_no_standbys() -> None:
    with pytest.raises(ConfigurationError, match="the bundled Postgres has none"):
        chosen_server(None, None, "folder", None, STANDBY)
