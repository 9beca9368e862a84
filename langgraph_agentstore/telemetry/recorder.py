"""Records spans and metrics of the requests that are done.

A span is made when its request is done, with the time at which it began and the context of its
caller: so a caller pays only for reading its context.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from importlib import import_module
from time import time_ns
from typing import Any, Protocol

from ..results import StoreStats
from .names import DURATION_BUCKETS_S, EMBEDDING_BUCKETS_S, memory_operation, records_json
from .options import Telemetry

SCOPE = "langgraph_agentstore"

Attributes = dict[str, Any]


class Finished(Protocol):
    """A request that is done, as far as it is recorded; `context` is that of its caller."""

    operations: Sequence[Any]
    results: list[Any]
    context: Any
    began_s: float

    @property
    def errors(self) -> Mapping[int, Exception] | None:
        """The errors by position."""

    @property
    def waits(self) -> Mapping[str, float]:
        """The seconds that it waited, by what for."""


class Recorder:
    """The spans and metrics of one store."""

    def __init__(self, telemetry: Telemetry, schema: str) -> None:
        trace = import_module("opentelemetry.trace")
        metrics = import_module("opentelemetry.metrics")
        self._status = trace.Status(trace.StatusCode.ERROR)
        self._client = trace.SpanKind.CLIENT
        self.current: Callable[[], Any] = import_module("opentelemetry.context").get_current
        self._content = telemetry.content
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=telemetry.tracer_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=telemetry.meter_provider)
        self._duration = meter.create_histogram(
            "db.client.operation.duration",
            "s",
            "How long operations took, by their kind.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
        )
        self._embedding = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "How long operations waited for the embedder.",
            explicit_bucket_boundaries_advisory=EMBEDDING_BUCKETS_S,
        )
        self._schema = schema
        self._of_embedding = {"db.namespace": schema, "gen_ai.operation.name": "embeddings"}
        self._server: Attributes = {}
        self._known: dict[str, Attributes] = {}
        self._meter = meter
        self._observation = metrics.Observation

    def connected(self, server: Any) -> None:
        """Note the address of the server: host and port, or the path of a socket."""
        self._known.clear()
        if isinstance(server, tuple):
            self._server = {"server.address": server[0], "server.port": server[1]}
        elif server:
            self._server = {"server.address": str(server)}

    def watch(self, stats: Callable[[], StoreStats]) -> None:
        """Read the counters of a store, a bound method, whenever metrics are collected."""
        _readers_of(self._meter, self._observation).add(stats, self._schema)

    def record(self, requests: Iterable[Finished], now_s: float) -> None:
        """Record requests that are done at once, at a moment of `perf_counter`.

        Those whose callers are in a trace have a span each. The others have one for each kind, like
        the statement that they shared: a trace of its own for each of hundreds would cost more than
        they do, and tell nothing.
        """
        together: dict[str, list[Finished]] = {}
        for request in requests:
            operations = request.operations
            kind = operations[0].kind if len(operations) == 1 else _kind_of(operations)
            if request.errors or request.context or self._content:
                self._record(kind, [request], now_s)
            else:
                together.setdefault(kind, []).append(request)
        for kind, alike in together.items():
            self._record(kind, alike, now_s)

    def _record(self, kind: str, requests: Sequence[Finished], now_s: float) -> None:
        count, found, began_s = _summed(requests, of_results=kind.startswith(("get", "search")))
        attributes = self._attributes_of(kind, count)
        error = next(iter((requests[0].errors or {}).values()), None)
        error_type = None if error is None else type(error).__qualname__
        if error_type is not None:
            attributes = {**attributes, "error.type": error_type}
        took_s = now_s - began_s
        self._duration.record(took_s, _duration_attributes(self._schema, kind, error_type))
        for request in requests:
            if "model" in request.waits:  # 0.0 where it took less than the loop's clock tells
                self._embedding.record(request.waits["model"], self._of_embedding)
        end, memory = time_ns(), memory_operation(kind)
        span = self._tracer.start_span(
            memory or kind,
            requests[0].context,
            self._client,
            attributes,
            start_time=end - int(took_s * 1e9),
        )
        if span.is_recording():
            if memory is not None:
                span.set_attribute("gen_ai.memory.record.count", found)
                if self._content:
                    _add_content(span, requests[0])
            if error_type is not None:
                span.set_status(self._status)
        span.end(end)

    def _attributes_of(self, kind: str, count: int) -> Attributes:
        attributes = self._known.get(kind)
        if attributes is None:
            attributes = self._known[kind] = self._attributes_of_kind(kind)
        return attributes if count == 1 else {**attributes, "db.operation.batch.size": count}

    def _attributes_of_kind(self, kind: str) -> Attributes:
        attributes: Attributes = {
            "db.system.name": "postgresql",
            "db.namespace": self._schema,
            "db.operation.name": kind,
            **self._server,
        }
        if operation := memory_operation(kind):
            attributes["gen_ai.operation.name"] = operation
            attributes["gen_ai.provider.name"] = SCOPE
            attributes["gen_ai.memory.store.id"] = self._schema
        return attributes


def _summed(requests: Sequence[Finished], *, of_results: bool) -> tuple[int, int, float]:
    """Return the number of operations, that of their records, and when the first began."""
    began_s = requests[0].began_s
    count = found = 0
    for request in requests:  # each caller waits for this
        if request.began_s < began_s:
            began_s = request.began_s
        count += len(request.results)
        if of_results:
            for result in request.results:
                found += len(result) if type(result) is list else result is not None
    return count, found if of_results else count, began_s


def _add_content(span: Any, request: Finished) -> None:
    operations = request.operations
    item_id = getattr(operations[0], "item_id", None)
    if item_id is not None and len(operations) == 1:
        span.set_attribute("gen_ai.memory.record.id", item_id[2])
    if text := getattr(operations[0], "text", None):
        span.set_attribute("gen_ai.memory.query.text", text)
    span.set_attribute("gen_ai.memory.records", records_json(request.results))


def _kind_of(operations: Sequence[Any]) -> str:
    kinds = {operation.kind for operation in operations}
    return next(iter(kinds)) if len(kinds) == 1 else "batch"


@lru_cache(maxsize=1024)
def _duration_attributes(schema: str, kind: str, error_type: str | None) -> Attributes:
    attributes = {
        "db.system.name": "postgresql",
        "db.namespace": schema,
        "db.operation.name": kind,
    }
    return attributes if error_type is None else {**attributes, "error.type": error_type}


_COUNTERS = {
    "agentstore.operations": ("{operation}", "Operations that were accepted.", "operations"),
    "agentstore.statements": ("{statement}", "Statements that were sent.", "statements"),
    "agentstore.failures": ("{operation}", "Operations that failed.", "failed_operations"),
    "agentstore.retries": ("{statement}", "Statements that were sent again.", "retries"),
    "agentstore.connections.made": ("{connection}", "Connections made.", "connections_made"),
    "agentstore.connections.lost": ("{connection}", "Connections lost.", "connections_lost"),
    "agentstore.failovers": ("{failover}", "Takeovers by another server.", "failovers"),
}
"""Unit, description and attribute of the counters that are read when metrics are collected."""

_STATE = "db.client.connection.state"


class _Readers:
    """The stores whose counters the instruments of a meter read, and what was read of them."""

    def __init__(self) -> None:
        self._schema_of: dict[weakref.WeakMethod[Callable[[], StoreStats]], str] = {}
        self._last: dict[tuple[Any, str], int] = {}
        self._totals: dict[tuple[str, str], int] = {}
        # Readers of metrics may collect at once, each in a thread of its own.
        self._lock = threading.Lock()

    def add(self, stats: Callable[[], StoreStats], schema: str) -> None:
        with self._lock:
            self._schema_of[weakref.WeakMethod(stats)] = schema

    def now(self, count: Callable[[StoreStats], int]) -> dict[str, int]:
        """Return the sum over the stores of each schema that are there.

        Stores of one schema have the same attributes, and so are one to an instrument.
        """
        sums: dict[str, int] = {}
        with self._lock:
            for _, schema, stats in self._living():
                sums[schema] = sums.get(schema, 0) + count(stats)
        return sums

    def total(self, attribute: str) -> dict[str, int]:
        """Return the sum of a counter over the stores of each schema, also those that are gone.

        A counter that falls was reset, says Prometheus: it would take what is left for new.
        """
        with self._lock:
            for reader, schema, stats in self._living():
                value, last = getattr(stats, attribute), self._last.get((reader, attribute), 0)
                self._last[reader, attribute] = max(value, last)
                key = (schema, attribute)
                self._totals[key] = self._totals.get(key, 0) + max(value - last, 0)
            return {
                schema: total for (schema, name), total in self._totals.items() if name == attribute
            }

    def _living(self) -> list[tuple[Any, str, StoreStats]]:
        """Return the stores that are there, and forget the others."""
        found = []
        for reader, schema in list(self._schema_of.items()):
            stats = reader()
            if stats is None:
                del self._schema_of[reader]
                for name in _COUNTERS.values():
                    self._last.pop((reader, name[2]), None)
            else:
                found.append((reader, schema, stats()))
        return found


_READ_BY_METER: weakref.WeakKeyDictionary[Any, _Readers] = weakref.WeakKeyDictionary()
"""The counters that the instruments of a meter read: it may have each instrument only once."""


def _readers_of(meter: Any, observation: Any) -> _Readers:
    readers = _READ_BY_METER.get(meter)
    if readers is None:
        readers = _READ_BY_METER[meter] = _Readers()
        _make_instruments(meter, observation, readers)
    return readers


def _make_instruments(meter: Any, observation: Any, readers: _Readers) -> None:
    def observing(
        read: Callable[[], Mapping[str, int]], **attributes: str
    ) -> Callable[[Any], list[Any]]:
        def observed(_: Any) -> list[Any]:
            return [
                observation(value, {"db.namespace": schema, **attributes})
                for schema, value in read().items()
            ]

        return observed

    def now(count: Callable[[StoreStats], int], **attributes: str) -> Callable[[Any], list[Any]]:
        return observing(partial(readers.now, count), **attributes)

    for name, (unit, description, attribute) in _COUNTERS.items():
        read = [observing(partial(readers.total, attribute))]
        meter.create_observable_counter(name, read, unit, description)
    meter.create_observable_up_down_counter(
        "db.client.connection.count",
        [
            now(lambda stats: stats.pool_idle, **{_STATE: "idle"}),
            now(lambda stats: stats.pool_size - stats.pool_idle, **{_STATE: "used"}),
        ],
        "{connection}",
        "Connections of the pool, by their state.",
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.pending_requests",
        [now(lambda stats: stats.waiting)],
        "{request}",
        "Operations that wait for their turn, or for a connection.",
    )
