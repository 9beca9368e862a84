"""Options of a proxy, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from langgraph.store.base import NotProvided

from ..errors import ConfigurationError, ValueTypeError
from ..model.addresses import ItemAddress, locate
from ..model.checks import check_whole
from ..model.namespaces import labels_named
from ..model.ttl import ttl_interval
from ..model.users import Address, check_user_id
from ..sql.items.records import LARGEST_LIMIT
from .ops_log import OpsLog

Access: TypeAlias = Literal["read", "write", "both"]

DEFAULT_NAMESPACE = "default"
LARGEST_VALUE_BYTES = 2**20
"""Of a value's JSON text, unless `max_value_bytes` says otherwise: 1 MiB."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked options of a proxy; `ttl` is the default for its writes, in minutes."""

    user_id: str
    agent_name: str | None
    namespace: str
    at: ItemAddress
    ops_log: OpsLog | None
    access: Access
    max_value_bytes: int
    ttl: float | NotProvided | None


def checked_settings(
    user_id: str,
    agent_name: str | None,
    namespace: str,
    ops_log: OpsLog | None,
    access: Access,
    max_value_bytes: int,
    ttl: float | NotProvided | None,
) -> Settings:
    """Check the options and return them as settings.

    Raises:
        MissingUserError, ValueTypeError: the user or the agent is invalid.
        InvalidNamespaceError: the namespace is empty, or too long.
        ConfigurationError: another option is wrong.
    """
    user_id = check_user_id(user_id)
    if agent_name is not None and not isinstance(agent_name, str):
        raise ValueTypeError(f"agent_name is a string or None, got {agent_name!r}")
    if access not in ("read", "write", "both"):
        raise ConfigurationError(f"access is 'read', 'write' or 'both', got {access!r}")
    check_whole("max_value_bytes", max_value_bytes, 1, error=ConfigurationError)
    if not (ops_log is None or callable(ops_log) or callable(getattr(ops_log, "append", None))):
        raise ConfigurationError(f"ops_log is a list or a function, got {ops_log!r}")
    if not isinstance(ttl, NotProvided):
        ttl_interval(ttl)
    labels = labels_named(namespace)
    at = locate(Address(user_id, labels), labels)
    return Settings(
        user_id, agent_name or None, namespace, at, ops_log, access, max_value_bytes, ttl
    )


def checked_limit(limit: int | None) -> int | None:
    """Return the limit; raise unless it is None or a whole number from 0 on."""
    if limit is None:
        return None
    return check_whole("limit", limit, 0, LARGEST_LIMIT, comment=", or None")
