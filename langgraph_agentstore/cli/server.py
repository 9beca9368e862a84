"""The server that a command works on: options, environment, a profile, else the bundled one."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._support.optional import imported
from ..config.replica_options import NO_STANDBYS, find_read_dsn
from ..config.store_options import DEFAULT_SCHEMA, DSN_VARIABLE, PoolConfig
from ..errors import ConfigurationError
from ..store.agent_store import AgentStore

PROFILES_FILE = "profiles.toml"
DEFAULT_PROFILE = "default"
_KEYS = ("dsn", "read_dsn", "path", "schema", "index")
_POOL_SIZE = 4


@dataclass(frozen=True, slots=True)
class Server:
    """A server, a schema of it, and the search index if a profile names one."""

    dsn: str | None
    path: str | None
    schema: str
    index: Mapping[str, Any] | None = None
    read_dsn: str | None = None

    @property
    def is_bundled(self) -> bool:
        """Tell whether it is the bundled Postgres."""
        return self.dsn is None

    def store(
        self, index: Mapping[str, Any] | None = None, *, read_only: bool = False
    ) -> AgentStore:
        """Return a store on it, not yet open.

        Most work needs no index, and so no model and no key of its provider. Only a store that is
        read-only reads from standbys: nothing is changed by what one of them did not have yet.
        """
        pool = PoolConfig(max_size=_POOL_SIZE, failover_wait_s=0)
        if read_only:
            settings = {**pool.settings, "default_transaction_read_only": "on"}
            pool = pool.model_copy(update={"session_settings": settings})
        options: dict[str, Any] = {
            "schema": self.schema,
            "index": index,
            "pool": pool,
        }
        if self.dsn is None:
            return AgentStore.embedded(self.path, **options)
        return AgentStore(self.dsn, read_dsn=self.read_dsn if read_only else None, **options)


def chosen_server(
    dsn: str | None,
    profile: str | None,
    path: str | None,
    schema: str | None,
    read_dsn: str | None = None,
) -> Server:
    """Return the server that the options choose.

    In this order: `--dsn` or `--path`, `--profile`, `AGENTSTORE_DSN`, the profile "default", the
    bundled Postgres.

    Raises:
        ConfigurationError: two options name servers, the bundled Postgres is given standbys, or the
            profile cannot be read.
    """
    named = [
        name for name, given in (("--dsn", dsn), ("--path", path), ("--profile", profile)) if given
    ]
    if len(named) > 1:
        raise ConfigurationError(f"{' and '.join(named)} name two servers: give one of them")
    found: dict[str, Any] = {}
    if profile is not None:
        found = _profile(profile)
    elif dsn is None and path is None:
        dsn = os.environ.get(DSN_VARIABLE) or None
        found = {"read_dsn": find_read_dsn(None, None)} if dsn is not None else _profile(None)
    dsn, read_dsn = dsn or found.get("dsn"), read_dsn or found.get("read_dsn")
    if read_dsn and dsn is None:
        raise ConfigurationError(NO_STANDBYS)
    return Server(
        dsn,
        path or found.get("path"),
        schema or found.get("schema") or DEFAULT_SCHEMA,
        found.get("index"),
        read_dsn,
    )


def profiles_path() -> Path:
    """Return the path of the file of profiles in the user's configuration folder."""
    folder: Path = imported("platformdirs", "cli").user_config_path("langgraph_agentstore")
    return folder / PROFILES_FILE


def _profile(name: str | None) -> dict[str, Any]:
    """Return a profile's entries; for None, those of the profile "default" if there is one."""
    profiles = _read_profiles(profiles_path(), wanted=name is not None)
    if name is None:
        return _checked(DEFAULT_PROFILE, profiles.get(DEFAULT_PROFILE, {}))
    if name not in profiles:
        known = ", ".join(profiles) or "none"
        raise ConfigurationError(f"{profiles_path()} has no profile {name!r}; it has: {known}")
    return _checked(name, profiles[name])


def _read_profiles(path: Path, *, wanted: bool) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if wanted:
            raise ConfigurationError(
                f"there is no {path}: write profiles into it, such as [staging] and below it "
                'dsn = "postgresql://…"'
            ) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from None
    _warn_of_readers(path)
    toml = imported("tomllib" if sys.version_info >= (3, 11) else "tomli", "cli")
    try:
        found: dict[str, Any] = toml.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from None
    return found


def _warn_of_readers(path: Path) -> None:
    if sys.platform != "win32" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        sys.stderr.write(f"warning: others may read {path}, and passwords in it: chmod 0600 it\n")


def _checked(name: str, entries: Any) -> dict[str, Any]:
    if not isinstance(entries, dict):
        raise ConfigurationError(f"profile {name!r} is a table: write [{name}] and entries below")
    if unknown := sorted(set(entries) - set(_KEYS)):
        raise ConfigurationError(
            f"profile {name!r}: {', '.join(unknown)} is not known; known: {', '.join(_KEYS)}"
        )
    if entries.get("dsn") and entries.get("path"):
        raise ConfigurationError(f"profile {name!r} names a dsn and a path: keep one")
    return entries
