"""What `transfer` exports, and that its documentation leaves nothing out."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

from langgraph_agentstore import transfer
from langgraph_agentstore.transfer.file_kinds import ALL_FORMATS, Kind, kind_of
from langgraph_agentstore.transfer.formats import FORMATS
from langgraph_agentstore.transfer.formats.base import COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "transfer.md"
TWINS = {"export": "aexport", "import_": "aimport_", "verify": "averify", "copy": "acopy"}


def test_the_names_are_these() -> None:
    assert set(transfer.__all__) == {*TWINS, *TWINS.values(), "Manifest"}


@pytest.mark.parametrize("name", TWINS)
def test_a_function_and_its_awaitable_twin_take_the_same_arguments(name: str) -> None:
    blocking, awaited = (getattr(transfer, each) for each in (name, TWINS[name]))
    assert inspect.signature(blocking).parameters == inspect.signature(awaited).parameters
    assert inspect.iscoroutinefunction(awaited)


def test_every_name_argument_field_and_format_is_in_the_reference() -> None:
    arguments = {
        argument
        for name in TWINS
        for argument in inspect.signature(getattr(transfer, name)).parameters
    }
    fields = {field.name for field in dataclasses.fields(transfer.Manifest)}
    text = PAGE.read_text("utf-8")
    told = {*transfer.__all__, *arguments, *fields, *COLUMNS, *FORMATS}
    assert {name for name in told if name not in text} == set(), "docs/reference/transfer.md"


def test_every_format_has_a_module_and_a_name() -> None:
    assert set(FORMATS) == set(ALL_FORMATS), (
        "FORMATS of formats/, FormatName of transfer/file_kinds.py"
    )
    assert {kind_of(f"x.{name}").format for name in FORMATS} == set(FORMATS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", Kind("jsonl")),
        ("a.b.NDJSON.GZ", Kind("jsonl", ".gz")),
        ("folder.csv/a.yml.zst", Kind("yaml", ".zst")),
        ("a.parquet", Kind("parquet")),
    ],
)
def test_the_end_of_a_name_says_how_a_file_is_written(name: str, kind: Kind) -> None:
    assert kind_of(name) == kind


def test_a_named_format_leaves_the_compression_to_the_name() -> None:
    assert kind_of("a.backup.gz", "csv") == Kind("csv", ".gz")
