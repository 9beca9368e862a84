"""What a process tells others: spans, metrics and logs, none of which may show what users stored.

Every value names its user, so a user's name anywhere is a leak.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import REGISTRY, generate_latest

from langgraph_agentstore.telemetry import Telemetry

KINDS = "store search records changing watch talk files moving memory graph history quota hold mcp"
USER = re.compile(rf"(?:(?:{KINDS.replace(' ', '|')})worker|watched)\d+@\d(?:\.\d)?")
"""The name of a worker's user; every value has it."""

VALUE = re.compile(r"['\"]of['\"]: ?['\"]|f(?:ile|act) of ['\"]|word\d+ ")
"""What stands in values only: a log may name a key or a user, where an operator needs it."""

MOST_KEPT = 10


class Heard(SpanExporter):
    """Spans and metrics of one process, looked through as they come."""

    def __init__(self) -> None:
        self.spans: Counter[str] = Counter()
        self.leaks: list[str] = []
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self))
        self._meters = MeterProvider([PrometheusMetricReader()])
        self.telemetry = Telemetry(tracer_provider=self._tracers, meter_provider=self._meters)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            self.spans[span.name] += 1
            told = [span.name, span.status.description, span.attributes]
            self._look(f"{told} {[(event.name, event.attributes) for event in span.events]}")
        return SpanExportResult.SUCCESS

    def look_at_metrics(self) -> int:
        """How many lines there are; what they say is looked through."""
        text = generate_latest(REGISTRY).decode()
        self._look(text)
        return text.count("\n")

    def close(self) -> None:
        self.look_at_metrics()
        self._tracers.shutdown()
        self._meters.shutdown()

    def _look(self, text: str) -> None:
        found = USER.search(text)
        if found is not None and len(self.leaks) < MOST_KEPT:
            self.leaks.append(f"telemetry shows {text[max(0, found.start() - 80) :][:300]}")


class Warnings(logging.Handler):
    """Counts what is logged; keeps what no outage explains, and what shows a value."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.counts[f"{record.name}: {text[:14] if is_slow(text) else str(record.msg)[:60]}"] += 1
        # The SDK of MCP logs an error where a client's last stream ends with its server.
        is_error = record.levelno >= logging.ERROR and not record.name.startswith("mcp.")
        is_fault = is_error or record.name == "asyncio"
        if is_fault or VALUE.search(text) or (is_slow(text) and USER.search(text)):
            self.faults.append(text)


def is_slow(text: str) -> bool:
    """Whether it is a line of the log of slow operations."""
    return text.startswith("slow operation")
