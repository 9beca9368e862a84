"""Spans and metrics, as the SDK of OpenTelemetry hears of them."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import generate_latest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import AgentStoreError, ConfigurationError, VersionConflictError
from langgraph_agentstore.telemetry import Telemetry
from langgraph_agentstore.telemetry.names import DURATION_BUCKETS_S, EMBEDDING_BUCKETS_S

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
DASHBOARD, RULES = HOWTO / "grafana_dashboard.json", HOWTO / "prometheus_rules.yml"
NOTES = ("users", "ann", "notes")


class Heard:
    """What a store told, and the store."""

    def __init__(self, dsn: str, schema: str, *, content: bool = False) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.store = AgentStore(
            dsn,
            schema=schema,
            telemetry=Telemetry(content, self.tracers, self.meters),
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


def records_of(span: ReadableSpan) -> int:
    count = (span.attributes or {})["gen_ai.memory.record.count"]
    assert isinstance(count, int)
    return count


@pytest.fixture
def heard(postgres_dsn: str, schema_name: str) -> Iterator[Heard]:
    heard = Heard(postgres_dsn, schema_name)
    with heard.store:
        heard.exporter.clear()  # what setting up told
        yield heard


def test_each_call_has_a_span_by_the_conventions_without_content(
    heard: Heard, schema_name: str
) -> None:
    heard.store.put(NOTES, "secret key", {"text": "secret value"})
    heard.store.search(NOTES, query="secret query")
    heard.store.search(NOTES)
    heard.store.get(NOTES, "none")
    heard.store.delete(NOTES, "secret key")
    names = [span.name for span in heard.spans]
    assert names[0] == "upsert_memory"
    assert names[-3:] == ["search_memory", "get_memory", "delete_memory"]
    counts = [(span.attributes or {})["gen_ai.memory.record.count"] for span in heard.spans]
    assert counts[-3:] == [1, 0, 1]
    span = heard.spans[0]
    attributes = dict(span.attributes or {})
    assert attributes.pop("server.address")
    assert attributes == {
        "db.system.name": "postgresql",
        "db.namespace": schema_name,
        "db.operation.name": "put",
        "gen_ai.operation.name": "upsert_memory",
        "gen_ai.provider.name": "langgraph_agentstore",
        "gen_ai.memory.store.id": schema_name,
        "gen_ai.memory.record.count": 1,
    }
    assert span.kind is SpanKind.CLIENT
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time > span.start_time
    assert not any("secret" in span.to_json() for span in heard.spans)


async def test_callers_that_share_a_statement_have_spans_in_their_own_traces(heard: Heard) -> None:
    await heard.store.aput(NOTES, "a", {})
    tracer = heard.tracers.get_tracer("test")
    statements = heard.store.stats().statements

    async def get(n: int) -> None:
        with tracer.start_as_current_span(f"caller {n}"):
            await heard.store.aget(NOTES, "a")

    await asyncio.gather(*map(get, range(20)))
    assert heard.store.stats().statements - statements < 20
    callers = {s.context.span_id: s for s in heard.spans if s.name.startswith("caller")}
    gets = [span for span in heard.spans if span.name == "get_memory"]
    assert len(gets) == len({span.parent.span_id for span in gets if span.parent}) == 20
    for span in gets:
        assert span.parent is not None
        assert span.context.trace_id == callers[span.parent.span_id].context.trace_id


async def test_callers_without_a_trace_share_a_span_like_their_statement(heard: Heard) -> None:
    await asyncio.gather(*[heard.store.aput(NOTES, str(n), {}) for n in range(20)])
    puts = [span for span in heard.spans if span.name == "upsert_memory"]
    assert len(puts) < 20
    assert sum(records_of(span) for span in puts) == 20


def test_a_blocking_call_has_the_callers_span_for_a_parent(heard: Heard) -> None:
    with heard.tracers.get_tracer("test").start_as_current_span("caller"):
        heard.store.put(NOTES, "a", {})
    put, caller = heard.spans
    assert put.parent is not None
    assert put.parent.span_id == caller.context.span_id


def test_an_error_is_told_by_its_type(heard: Heard) -> None:
    heard.store.put(NOTES, "a", {})
    with pytest.raises(VersionConflictError):
        heard.store.put(NOTES, "a", {}, expected_version=7)
    [failed] = [span for span in heard.spans if span.status.status_code is StatusCode.ERROR]
    assert (failed.attributes or {})["error.type"] == "VersionConflictError"
    errors = [
        p for p in heard.points("db.client.operation.duration") if "error.type" in p.attributes
    ]
    assert [(p.attributes["db.operation.name"], p.count) for p in errors] == [("put_expected", 1)]


def test_content_is_told_when_asked_for(postgres_dsn: str, schema_name: str) -> None:
    heard = Heard(postgres_dsn, schema_name, content=True)
    with heard.store as store:
        store.put(NOTES, "tea", {"text": "green"})
        store.get(NOTES, "tea")
        found = (heard.spans[-1].attributes or {})["gen_ai.memory.records"]
    assert json.loads(str(found)) == [{"id": "tea", "content": {"text": "green"}}]
    assert (heard.spans[-1].attributes or {})["gen_ai.memory.record.id"] == "tea"


def test_metrics_tell_durations_and_the_pool(heard: Heard, schema_name: str) -> None:
    for n in range(3):
        heard.store.put(NOTES, str(n), {})
    durations = heard.points("db.client.operation.duration")
    [puts] = [p for p in durations if p.attributes["db.operation.name"] == "put"]
    assert puts.count == 3
    assert puts.sum > 0
    assert puts.attributes["db.namespace"] == schema_name
    [statements] = heard.points("agentstore.statements")
    assert statements.value == heard.store.stats().statements
    assert statements.attributes == {"db.namespace": schema_name}
    assert heard.points("agentstore.connections.made")[0].value >= 1
    assert heard.points("agentstore.connections.lost")[0].value == 0
    states = {
        p.attributes["db.client.connection.state"]
        for p in heard.points("db.client.connection.count")
    }
    assert states == {"idle", "used"}


def test_durations_are_counted_in_the_buckets_of_the_conventions(heard: Heard) -> None:
    heard.store.put(NOTES, "a", {})
    [puts] = heard.points("db.client.operation.duration")[:1]
    assert puts.explicit_bounds == DURATION_BUCKETS_S
    assert EMBEDDING_BUCKETS_S[:2] == (0.01, 0.02)
    assert EMBEDDING_BUCKETS_S[-1] == pytest.approx(81.92)


def test_stores_of_one_schema_are_counted_together(
    heard: Heard, postgres_dsn: str, schema_name: str
) -> None:
    providers = Telemetry(False, heard.tracers, heard.meters)
    with AgentStore(postgres_dsn, schema=schema_name, telemetry=providers) as other:
        heard.store.put(NOTES, "a", {})
        other.get(NOTES, "a")
        both = [heard.store.stats(), other.stats()]
        [operations] = heard.points("agentstore.operations")
        assert operations.value == sum(stats.operations for stats in both)
        connections = heard.points("db.client.connection.count")
        assert sum(p.value for p in connections) == sum(stats.pool_size for stats in both)


def test_a_counter_does_not_fall_when_a_store_is_gone_but_its_connections_are(
    heard: Heard, postgres_dsn: str, schema_name: str
) -> None:
    """Prometheus would take the fall for a reset, and what is left for new."""
    providers = Telemetry(False, heard.tracers, heard.meters)
    other = AgentStore(postgres_dsn, schema=schema_name, telemetry=providers)
    for _ in range(3):
        other.get(NOTES, "a")
    heard.store.put(NOTES, "a", {})
    [before] = heard.points("agentstore.operations")
    other.close()
    del other
    gc.collect()
    heard.store.put(NOTES, "a", {})
    assert [p.value for p in heard.points("agentstore.operations")] == [before.value + 1]
    connections = heard.points("db.client.connection.count")
    assert sum(p.value for p in connections) == heard.store.stats().pool_size


def test_without_an_sdk_nothing_happens(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, telemetry=True) as store:
        store.put(NOTES, "a", {})
        assert store.get(NOTES, "a") is not None


def test_what_is_no_option_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="telemetry is True, False or a Telemetry"):
        AgentStore("postgresql://x@127.0.0.1:1/x", telemetry="yes")  # type: ignore[arg-type]


def test_a_store_without_telemetry_does_not_import_it() -> None:
    script = (
        "import sys; from langgraph_agentstore import AgentStore;"
        "AgentStore('postgresql://x@127.0.0.1:1/x');"
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_an_outage_is_told(heard: Heard) -> None:
    away = {"connect_timeout_s": 0.2, "acquire_timeout_s": 0.2}
    providers = Telemetry(False, heard.tracers, heard.meters)
    store = AgentStore("postgresql://x@127.0.0.1:1/x", pool=away, telemetry=providers)
    with pytest.raises(AgentStoreError):
        store.get(NOTES, "a")
    assert (heard.spans[-1].attributes or {})["error.type"] == "StoreUnavailableError"
    store.close()


@pytest.fixture(scope="module")
def exported(postgres_dsn: str) -> str:
    """What Prometheus reads from a store that used all that is measured."""
    reader = PrometheusMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    index = {"dims": 2, "embed": lambda texts: [[0.0, 1.0]] * len(texts)}
    schema = "exported"
    with AgentStore(postgres_dsn, schema=schema, telemetry=telemetry, index=index) as store:
        store.put(NOTES, "a", {"text": "b"})
        store.search(NOTES, query="c")
        return generate_latest().decode()


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def alert_queries() -> list[str]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("query", dashboard_queries() + alert_queries())
def test_a_query_asks_for_what_the_exporter_gives(query: str, exported: str) -> None:
    words = set(re.findall(r"\b(?:agentstore|db|gen_ai)_\w+", query))
    metrics = {word for word in words if f"\n{word}{{" in exported}
    labels = {word for word in words if re.search(rf'[{{,]{word}="', exported)}
    assert metrics
    assert words == metrics | labels


def test_queries_of_durations_tell_a_quick_operation_from_a_slow_one(exported: str) -> None:
    assert 'le="0.01"' in exported
    assert any("duration_seconds_bucket" in query for query in alert_queries())
