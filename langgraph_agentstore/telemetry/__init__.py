"""Telemetry: spans and metrics of a store, by the API of OpenTelemetry.

It needs the extra `telemetry`, which brings the API alone. Without an SDK that the application
sets up, nothing is recorded.
"""

from .options import Telemetry

__all__ = ["Telemetry"]
