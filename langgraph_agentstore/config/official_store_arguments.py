"""The official Postgres store's ways to give a database and its options.

Code written for it runs here with only its import changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError

_SAME = {"timeout": "acquire_timeout_s", "max_idle": "max_idle_s"}
"""Options of psycopg's pool that are options here by another name."""

_NEEDLESS = frozenset(
    {"open", "name", "num_workers", "max_lifetime", "max_waiting", "reconnect_timeout"}
)
"""Options of psycopg's pool about what this one does by itself."""

_ALWAYS_SO = frozenset({"autocommit", "prepare_threshold", "row_factory", "cursor_factory"})
"""Arguments of psycopg's connections that concern nothing outside of the official store."""

_NO_PARAMETERS = frozenset({"context"})


def pool_of_official(config: Any) -> Any:
    """Return the options of the pool, given in the official store's words or in ours.

    Raises:
        ConfigurationError: an option of psycopg has no counterpart; the message has the cure.
    """
    if not isinstance(config, Mapping):
        return config
    options = {
        _SAME.get(name, name): value
        for name, value in config.items()
        if name not in _NEEDLESS and name != "kwargs"
    }
    _check_arguments(config.get("kwargs") or {})
    if "max_size" in options and options["max_size"] is None:
        # There: as many as `min_size`.
        del options["max_size"]
        if options.get("min_size", 0) > 0:
            options["max_size"] = options["min_size"]
    return options


def dsn_of_connection(given: Any) -> Any:
    """Return the connection string of a psycopg connection or pool; anything else unchanged.

    The store makes connections of its own; the given one is neither used nor closed.
    """
    if hasattr(given, "conninfo"):  # a pool
        left_out = _ALWAYS_SO | _NO_PARAMETERS
        arguments = {k: v for k, v in (given.kwargs or {}).items() if k not in left_out}
        return _with_parameters(given.conninfo, arguments)
    if hasattr(given, "info") and hasattr(given.info, "get_parameters"):  # a connection
        parameters = dict(given.info.get_parameters())
        if given.info.password:
            parameters["password"] = given.info.password
        return _with_parameters("", parameters)
    return given


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    unknown = sorted(set(arguments) - _ALWAYS_SO)
    if unknown:
        raise ConfigurationError(
            f"pool_config['kwargs'] has {', '.join(unknown)}, arguments of psycopg's connections: "
            "put parameters of libpq into the connection string, and others into "
            "pool_config={'connect_options': …}, as asyncpg calls them"
        )


def _with_parameters(conninfo: str, parameters: Mapping[str, Any]) -> str:
    if not parameters:
        return conninfo
    if "://" in conninfo:
        raise ConfigurationError(
            f"the pool has a URL and besides it the arguments {', '.join(sorted(parameters))}: "
            "put them into the connection string, and give that"
        )
    pairs = [f"{name}={_quoted_value(str(value))}" for name, value in parameters.items()]
    return " ".join([*([conninfo] if conninfo else []), *pairs])


def _quoted_value(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
