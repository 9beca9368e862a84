"""The files that the page about Docker shows fit together, and the page about versions is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from packaging.requirements import Requirement

from langgraph_agentstore import AgentStore
from tests.test_docs import DOCS, ROOT, blocks_of

PAGE = DOCS / "howto" / "docker.md"


def block(info: str) -> str:
    return next(block.text for block in blocks_of(PAGE) if block.info == info)


@pytest.fixture
def compose() -> Any:
    return pytest.importorskip("yaml").safe_load(block("yaml"))


def test_services_wait_for_services_that_tell_their_health(compose: Any) -> None:
    services = compose["services"]
    awaited = services["app"]["depends_on"]
    assert [name for name in awaited if "healthcheck" in services[name]] == ["db"]
    assert awaited["db"] == {"condition": "service_healthy"}


def test_the_application_connects_to_the_database_that_the_compose_file_makes(
    compose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = compose["services"]
    made, given = services["db"]["environment"], services["app"]["environment"]
    assert given["PGPASSWORD"] == made["POSTGRES_PASSWORD"]
    dsn = f"postgresql://{made['POSTGRES_USER']}@db:5432/{made['POSTGRES_DB']}"
    monkeypatch.setenv("AGENTSTORE_DSN", given["AGENTSTORE_DSN"])
    assert dsn in repr(AgentStore())


def test_data_outlive_the_container_and_only_the_application_is_published(compose: Any) -> None:
    database = compose["services"]["db"]
    assert [volume.partition(":")[0] for volume in database["volumes"]] == list(compose["volumes"])
    assert "ports" not in database


def test_the_image_runs_the_service_of_the_page_about_fastapi(compose: Any) -> None:
    run = next(line for line in block("dockerfile").splitlines() if line.startswith("CMD"))
    assert '"service:app"' in run
    port = compose["services"]["app"]["ports"][0].rpartition(":")[2]
    assert f'"{port}"' in run
    page = (DOCS / "howto" / "fastapi.md").read_text(encoding="utf-8")
    assert "`service.py`" in page
    assert "\napp = FastAPI(" in page


def test_the_versions_that_are_needed_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    quoted = re.findall(r'"([\w\[\],.-]+>=[^"]+)"', project)
    least = {}
    for requirement in map(Requirement, quoted):
        found = next(each for each in requirement.specifier if each.operator == ">=")
        least[requirement.name] = found.version
    page = (DOCS / "compatibility.md").read_text(encoding="utf-8")
    needed = re.findall(r"^\| ([a-z][\w-]*) \| ([\d.]+) \| [\d.]+ \|", page, re.MULTILINE)
    assert len(needed) > 4
    assert [row for row in needed if least.get(row[0]) != row[1]] == []
