"""The dashboard and the alerts, as Prometheus answers and fires them."""

from __future__ import annotations

import asyncio
import json
import math
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

from langgraph_agentstore import AgentStore, AsyncDataStore
from langgraph_agentstore.errors import VersionConflictError
from langgraph_agentstore.results import StoreStats
from langgraph_agentstore.telemetry import Telemetry
from tests.support.faults import free_port, locked_rows, terminate_backends, until
from tests.support.prometheus import (
    SCRAPE_S,
    Prometheus,
    needs_prometheus,
    needs_promtool,
    prometheus_for,
)
from tests.support.servers import TestServer, create_database

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
DASHBOARD, RULES = HOWTO / "grafana_dashboard.json", HOWTO / "prometheus_rules.yml"
RULES_TEST = Path(__file__).with_name("prometheus_rules_test.yml")

BOARD: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
VARIABLES = {each["name"]: each for each in BOARD["templating"]["list"]}
TARGETS = [(panel, target) for panel in PANELS for target in panel["targets"]]
each_target = pytest.mark.parametrize(
    ("panel", "target"),
    TARGETS,
    ids=[f"{panel['id']}{target['refId']}" for panel, target in TARGETS],
)
NOTES = ("users", "ann", "notes")


# The files alone


def test_panels_have_titles_words_and_a_place_of_their_own() -> None:
    places: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & places, panel["title"]
        assert all(x < 24 for x, _ in cells)
        places |= cells
    assert len(places) == 24 * (1 + max(y for _, y in places)), "a hole in the grid"
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_each_graph_has_a_legend() -> None:
    for panel in PANELS:
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"] is True, panel["title"]
            assert all(target["legendFormat"] for target in panel["targets"])


@each_target
def test_a_query_heeds_the_variables_and_knows_no_others(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    own = {"__rate_interval", "__range"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([panel["datasource"], target])))
    assert set(VARIABLES) <= used <= set(VARIABLES) | own
    selectors = re.findall(r"\{([^{}]*)\}", target["expr"])
    assert all("$schema" in each and "$instance" in each for each in selectors)
    assert len(selectors) == len(
        re.findall(r"\b(?:agentstore|db_client|gen_ai)_\w+\{", target["expr"])
    )


@each_target
def test_a_panel_of_seconds_says_so_and_no_other(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    is_time = "histogram_quantile" in target["expr"]
    assert (panel["fieldConfig"]["defaults"]["unit"] == "s") is is_time


@needs_promtool
def test_promtool_finds_the_rules_right() -> None:
    subprocess.run(["promtool", "check", "rules", RULES], check=True)


@needs_promtool
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    tried = subprocess.run(
        ["promtool", "test", "rules", RULES_TEST], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_each_alert_is_tried_both_firing_and_quiet() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    cases = [
        case
        for test in yaml.safe_load(RULES_TEST.read_text(encoding="utf-8"))["tests"]
        for case in test["alert_rule_test"]
    ]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == alerts


# A store at work


@dataclass
class Watched:
    """What a store did, and the Prometheus that scraped it meanwhile."""

    prometheus: Prometheus
    schema: str
    stats: StoreStats

    def filled(self, query: str) -> str:
        """Return a query as Grafana sends it."""
        span = max(int(time.time() - self.prometheus.began_s), 1)
        values = {
            "schema": self.schema,
            "instance": VARIABLES["instance"]["allValue"],
            "__rate_interval": f"{4 * SCRAPE_S}s",
            "__range": f"{span}s",
        }
        return re.sub(r"\$(\w+)", lambda match: values[match[1]], query)

    def legends(self, panel: dict[str, Any]) -> dict[str, list[float]]:
        """Return what a panel draws: the values of each line by its legend."""
        lines: dict[str, list[float]] = {}
        for target in panel["targets"]:
            for line in self.answer(target):
                legend = _legend(target.get("legendFormat", ""), line["metric"])
                assert legend not in lines, "two lines of one name"
                values = line["values"] if "values" in line else [line["value"]]
                lines[legend] = [float(value) for _, value in values]
        return lines

    def answer(self, target: dict[str, Any]) -> list[dict[str, Any]]:
        query = self.filled(target["expr"])
        prometheus = self.prometheus
        return prometheus.now(query) if target.get("instant") else prometheus.since_start(query)


def _legend(form: str, labels: Mapping[str, str]) -> str:
    """Return the name of a line; a label that it lacks is a KeyError."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels[match[1]], form)


async def _works(store: AgentStore, dsn: str, schema: str, until_s: float) -> None:
    """Do some of everything, most of it well, until a moment of `monotonic`."""
    data = AsyncDataStore(store, "ann", "agent")
    for n in range(1000):
        await asyncio.gather(*[store.aget(NOTES, f"k{n}") for n in range(20)])
        await store.aput(NOTES, f"k{n % 20}", {"text": f"tea {n}"})
        await store.asearch(NOTES, query="tea")
        await data.increment("count")
        with pytest.raises(VersionConflictError):
            await store.aput(NOTES, "k0", {"text": "x"}, expected_version=9999)
        if n == 5:
            await asyncio.to_thread(terminate_backends, dsn)
        if time.monotonic() > until_s:
            break
        await asyncio.sleep(0.2)
    with locked_rows(dsn, schema, "k1"):
        slow = asyncio.ensure_future(store.aput(NOTES, "k1", {"text": "slow"}))
        await asyncio.sleep(2)
    await slow
    await data.flush()


async def _scraped(prometheus: Prometheus, query: str, value: int) -> None:
    await until(lambda: prometheus.now(query)[0]["value"][1] == str(value))


@pytest.fixture(scope="module")
def watched(embedded_server: TestServer) -> Iterator[Watched]:
    def embed(texts: list[str]) -> list[list[float]]:
        time.sleep(0.2)
        return [[0.0, 1.0]] * len(texts)

    dsn, schema, port = create_database(embedded_server.dsn), "watched", free_port()
    server, thread = start_http_server(port, addr="127.0.0.1")
    meters = MeterProvider([PrometheusMetricReader()])
    telemetry = Telemetry(meter_provider=meters)
    index: Any = {"dims": 2, "embed": embed}

    async def work(prometheus: Prometheus) -> StoreStats:
        async with AgentStore(dsn, schema=schema, telemetry=telemetry, index=index) as store:
            await store.aput(NOTES, "k0", {"text": "tea"})
            await until(lambda: bool(prometheus.now("agentstore_operations_total")))
            await _works(store, dsn, schema, time.monotonic() + 8)
            stats, labels = store.stats(), f'db_namespace="{schema}"'
            await _scraped(prometheus, f"agentstore_statements_total{{{labels}}}", stats.statements)
            await _scraped(
                prometheus,
                f'db_client_operation_duration_seconds_count{{{labels}, db_operation_name="put"}}',
                stats.kinds["put"].operations,
            )
            return stats

    with prometheus_for(port) as prometheus:
        yield Watched(prometheus, schema, asyncio.run(work(prometheus)))
    server.shutdown()
    server.server_close()
    thread.join()
    meters.shutdown()


def panel_of(title: str, kind: str = "timeseries") -> dict[str, Any]:
    [found] = [panel for panel in PANELS if panel["title"] == title and panel["type"] == kind]
    return found


@needs_prometheus
@pytest.mark.slow
@each_target
def test_a_query_has_an_answer_whose_labels_the_legend_names(
    watched: Watched, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    lines = watched.legends({**panel, "targets": [target]})
    assert any(math.isfinite(value) for line in lines.values() for value in line)
    assert all(value >= 0 for line in lines.values() for value in line if math.isfinite(value))
    if len(lines) > 1:
        assert "{{" in target["legendFormat"], "nothing tells the lines apart"


@needs_prometheus
@pytest.mark.slow
def test_the_variables_offer_the_schema_and_the_instance(watched: Watched) -> None:
    found = {}
    for name in ("schema", "instance"):
        query = re.fullmatch(r"label_values\((.+), (\w+)\)", VARIABLES[name]["query"]["query"])
        assert query is not None
        found[name] = watched.prometheus.values_of(query[2], watched.filled(query[1]))
    assert watched.schema in found["schema"]
    assert len(found["instance"]) == 1


@needs_prometheus
@pytest.mark.slow
def test_the_counters_are_those_of_the_store(watched: Watched) -> None:
    stats, found = watched.stats, {}
    for name in ("operations", "statements", "failures", "retries", "connections_lost"):
        query = f'agentstore_{name}_total{{db_namespace="{watched.schema}"}}'
        found[name] = int(watched.prometheus.now(query)[0]["value"][1])
    assert found == {
        "operations": stats.operations,
        "statements": stats.statements,
        "failures": stats.failed_operations,
        "retries": stats.retries,
        "connections_lost": stats.connections_lost,
    }


@needs_prometheus
@pytest.mark.slow
def test_panels_show_what_the_store_did(watched: Watched) -> None:
    stats, schema = watched.stats, watched.schema
    operations = watched.legends(panel_of("Operations a second, by schema"))[schema]
    assert sum(operations) * SCRAPE_S == pytest.approx(stats.operations, rel=0.3)
    [shared] = watched.legends(panel_of("Operations in a statement, by schema")).values()
    assert max(shared) > 2
    failures = watched.legends(panel_of("Failures and retries a second"))
    assert sum(failures[f"{schema}, failed"]) > 0
    by_error = watched.legends(panel_of("Failures a second, by error"))
    assert "put_expected: VersionConflictError" in by_error
    assert watched.legends(panel_of("Failovers", "stat")) == {"": [0]}
    changes = watched.legends(panel_of("Connections made and lost, and failovers, a minute"))
    assert max(changes["lost"]) > 0
    assert max(changes["made"]) > 0


@needs_prometheus
@pytest.mark.slow
def test_durations_are_in_seconds(watched: Watched) -> None:
    durations = watched.legends(panel_of("Duration by kind of operation, 95th percentile"))
    assert 1 < max(durations["put"]) <= 5, "one waited two seconds for a lock"
    assert max(durations["get"]) < 1
    embedder = watched.legends(panel_of("Waiting for the embedder"))
    assert 0.16 < max(embedder["median"]) < 0.64, "the model takes 0.2 s"
