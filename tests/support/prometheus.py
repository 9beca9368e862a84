"""Prometheus as Debian packages it, which scrapes what this process exports."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from .faults import free_port, wait_until
from .servers import temporary_folder

SCRAPE_S = 1

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed"
)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)

_CONFIG = """
global: {{scrape_interval: {scrape_s}s, evaluation_interval: {scrape_s}s}}
scrape_configs:
  - {{job_name: agent, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""


class Prometheus:
    """A server that scrapes a port of 127.0.0.1 each second, and answers queries."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.began_s = time.time()

    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self._url}/-/ready") as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    def now(self, query: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        return list(self._ask("query", query=query)["result"])

    def since_start(self, query: str) -> list[dict[str, Any]]:
        """Return the series of a query for each second since the server began."""
        end_s = time.time() + SCRAPE_S  # so that the last step sees the last scrape
        span = {"start": self.began_s, "end": end_s, "step": SCRAPE_S}
        return list(self._ask("query_range", query=query, **span)["result"])

    def values_of(self, label: str, match: str) -> list[str]:
        return list(self._ask(f"label/{label}/values", **{"match[]": match}))

    def _ask(self, path: str, **parameters: object) -> Any:
        with urlopen(f"{self._url}/api/v1/{path}?{urlencode(parameters)}") as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus_for(port: int) -> Iterator[Prometheus]:
    """A running Prometheus that scrapes this port."""
    with temporary_folder() as folder:
        _write_config(folder / "prometheus.yml", port)
        own = free_port()
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Prometheus(own)
        try:
            wait_until(server.is_ready)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _write_config(path: Path, port: int) -> None:
    path.write_text(_CONFIG.format(scrape_s=SCRAPE_S, port=port))
