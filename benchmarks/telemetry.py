"""`python -m benchmarks.telemetry`: what spans and metrics cost `aget` by 256 tasks.

The stores take turns, each with another set of providers of the SDK, and are compared with the one
without telemetry in the same round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import median
from time import perf_counter

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from langgraph_agentstore import AgentStore
from langgraph_agentstore.telemetry import Telemetry

from .bench import server
from .harness import command, print_table

NOTES = ("users", "ann", "notes")
TASKS, GETS = 256, 20


class _Nowhere(SpanExporter):
    def export(self, _: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the time of a get with each set of providers, and its ratio to none."""
    parser = command("benchmarks.telemetry", __doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of each row (default 15)")
    rounds = parser.parse_args(arguments).rounds
    with server() as dsn:
        figures = asyncio.run(_measured(dsn, rounds))
    off = figures["off"]
    print_table(
        ("telemetry", "µs a get", "ratio"),
        [
            (
                name,
                f"{median(seconds) * 1e6 / (TASKS * GETS):.1f}",
                f"{median(own / base for own, base in zip(seconds, off, strict=True)):.2f}",
            )
            for name, seconds in figures.items()
        ],
    )


async def _measured(dsn: str, rounds: int) -> dict[str, list[float]]:
    tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    tracers.add_span_processor(BatchSpanProcessor(_Nowhere()))
    nothing_measured = MeterProvider()
    stores = {
        "off": AgentStore(dsn),
        "on, without an SDK": AgentStore(dsn, telemetry=True),
        "spans": AgentStore(dsn, telemetry=Telemetry(False, tracers, nothing_measured)),
        "spans and metrics": AgentStore(dsn, telemetry=Telemetry(False, tracers, meters)),
    }
    for n in range(GETS):
        await stores["off"].aput(NOTES, str(n), {"text": "x" * 100})
    figures: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(rounds):
        for name, store in stores.items():
            began = perf_counter()
            await asyncio.gather(*[_task(store) for _ in range(TASKS)])
            figures[name].append(perf_counter() - began)
    for store in stores.values():
        await store.aclose()
    return figures


async def _task(store: AgentStore) -> None:
    for n in range(GETS):
        await store.aget(NOTES, str(n))


if __name__ == "__main__":
    main()
