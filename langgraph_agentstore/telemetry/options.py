"""The option `telemetry=`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._support.optional import imported
from ..errors import ConfigurationError
from ..model.json_values import shown


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The telemetry of a store: what it tells OpenTelemetry, and which providers it tells.

    Args:
        content: whether spans also have keys, the texts of queries, and what was found. It is what
            users stored: leave it off unless whoever sees the spans may see all of that.
        tracer_provider: a `TracerProvider`. None: the one that the application set.
        meter_provider: a `MeterProvider`. None: the one that the application set.
    """

    content: bool = False
    tracer_provider: Any = None
    meter_provider: Any = None


def checked_telemetry(telemetry: object) -> Telemetry | None:
    """Return the option as `Telemetry`; None if it is off.

    Raises:
        ConfigurationError: it is neither a bool nor `Telemetry`.
        MissingExtraError: the API of OpenTelemetry is not installed.
    """
    if telemetry is None or telemetry is False:
        return None
    if telemetry is not True and not isinstance(telemetry, Telemetry):
        raise ConfigurationError(
            f"telemetry is True, False or a Telemetry of langgraph_agentstore.telemetry, "
            f"got {shown(telemetry)}"
        )
    imported("opentelemetry.trace", "telemetry")
    return Telemetry() if telemetry is True else telemetry
