"""The formats, a module each; a package that an extra brings is imported where it is used."""

from collections.abc import Mapping
from typing import Final

from .base import Format
from . import (
json_array,
json_lines,
parquet,
csv_table,
yaml_stream,
)

FORMATS: Final[Mapping[str, Format]] = {
    "jsonl": json_lines,
    "json": json_array,
    "csv": csv_table,
    "yaml": yaml_stream,
    "parquet": parquet,
}
