"""The formats, a module each; a package that an extra brings is imported where it is used."""

from collections.abc import Mapping
from typing import Final

from ..documents import Format
from . import array, lines, parquet, table, yaml_documents

FORMATS: Final[Mapping[str, Format]] = {
    "jsonl": lines,
    "json": array,
    "csv": table,
    "yaml": yaml_documents,
    "parquet": parquet,
}
