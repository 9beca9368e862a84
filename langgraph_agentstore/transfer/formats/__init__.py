"""The formats, one module each; a module imports the package of its extra on first use."""

from collections.abc import Mapping
from typing import Final

from . import csv_table, json_array, json_lines, parquet, yaml_stream
from .base import Format

FORMATS: Final[Mapping[str, Format]] = {
    "jsonl": json_lines,
    "json": json_array,
    "csv": csv_table,
    "yaml": yaml_stream,
    "parquet": parquet,
}
