"""The formats, a module each; a package that an extra brings is imported where it is used."""

from . import array, lines, parquet, table, yaml_documents

FORMATS = {
    "jsonl": lines,
    "json": array,
    "csv": table,
    "yaml": yaml_documents,
    "parquet": parquet,
}
