"""The options of reads from replicas: `read_dsn=`, `max_replica_lag_s=`, `consistency=`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ..errors import ConfigurationError
from ..model.json_values import shown

if TYPE_CHECKING:
    from .store_options import Source

READ_DSN_VARIABLE = "AGENTSTORE_READ_DSN"
DEFAULT_MAX_LAG_S = 10.0

NO_STANDBYS = (
    "read_dsn names standbys, and the bundled Postgres has none: give the dsn of their primary "
    "too, or leave read_dsn out"
)

Consistency: TypeAlias = Literal["primary", "replica"]
"""Which server answers reads: the primary, or a replica that lags a little at most."""


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """The replicas of a store: their hosts, how far they may lag, and who reads there by default.

    `max_lag_s` is None where any lag is accepted.
    """

    source: Source
    max_lag_s: float | None
    consistency: Consistency


def find_read_dsn(dsn: str | None, read_dsn: str | None) -> str | None:
    """Return the given DSN of replicas, else that of the environment.

    The environment's belongs to the environment's primary, so it counts only where no DSN is given.
    """
    if read_dsn is None and dsn is None:
        return os.environ.get(READ_DSN_VARIABLE) or None
    return read_dsn


def replica_config(
    source: Source | None, max_lag_s: float | None, consistency: Consistency
) -> ReplicaConfig | None:
    """Check the options; None without replicas.

    Raises:
        ConfigurationError: an option is wrong; the message names it, its value and the cure.
    """
    check_consistency(consistency)
    if max_lag_s is not None and not _is_positive(max_lag_s):
        raise ConfigurationError(
            f"max_replica_lag_s={shown(max_lag_s)} is not a number of seconds above 0; None "
            "accepts any lag"
        )
    return None if source is None else ReplicaConfig(source, max_lag_s, consistency)


def check_consistency(consistency: object) -> None:
    """Raise ConfigurationError unless it is a consistency that reads may have."""
    if consistency not in get_args(Consistency):
        raise ConfigurationError(
            f"consistency={shown(consistency)} is not known; known: 'primary', by which all reads "
            "go to the primary, and 'replica', by which replicas answer if they are up to date"
        )


def _is_positive(seconds: object) -> bool:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return number and math.isfinite(seconds) and seconds > 0  # type: ignore[arg-type,operator]
