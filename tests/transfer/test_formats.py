"""Export and import in every format: what comes back is what there was, to the last field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import export, import_, verify
from langgraph_agentstore.transfer.file_kinds import kind_of, plain, writing
from langgraph_agentstore.transfer.formats import FORMATS
from langgraph_agentstore.transfer.formats.base import COLUMNS, Entry
from langgraph_agentstore.transfer.manifest import Manifest
from tests.support.matrices import few
from tests.transfer.moved_stores import fill, rows

NAMES = (
    *(f"x.{end}" for end in FORMATS),
    *("x.ndjson.gz", "x.JSONL.ZST", "x.json.gz", "x.csv.zst", "x.yml.gz"),
)
every_name = pytest.mark.parametrize("name", NAMES)


@every_name
def test_a_store_comes_back_row_by_row(
    name: str,
    store: AgentStore,
    other: AgentStore,
    postgres_dsn: str,
    schema_name: str,
    tmp_path: Path,
) -> None:
    count = fill(store)

    manifest = export(store, tmp_path / name)

    assert manifest.records == count
    assert verify(tmp_path / name) == manifest
    assert import_(other, tmp_path / name) == count
    before, after = rows(postgres_dsn, schema_name), rows(postgres_dsn, f"{schema_name}_other")
    assert before == after
    assert len(before) == count


def test_the_checksum_is_the_same_in_every_format(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    assert len({export(store, tmp_path / name).sha256 for name in NAMES}) == 1


def test_equal_stores_make_equal_files_but_for_the_time(store: AgentStore, tmp_path: Path) -> None:
    fill(store)
    export(store, tmp_path / "a.jsonl")
    export(store, tmp_path / "b.jsonl")
    first, second = ((tmp_path / f"{name}.jsonl").read_bytes().splitlines() for name in "ab")
    assert first[:-1] == second[:-1]


texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
documents = st.fixed_dictionaries(
    {
        "_id": texts.map(lambda text: f"u:n:{text}"),
        "userId": texts,
        "namespace": texts,
        "key": texts.filter(bool),
        "value": values,
        "metadata": st.dictionaries(texts, values, max_size=2),
        "createdByAgent": st.none() | texts.filter(bool),
        "lastAccessedByAgent": st.none() | texts.filter(bool),
        "accessCount": st.integers(0, 2**62),
        "createdAt": st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"),
        "updatedAt": st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"),
        "lastAccessedAt": st.none() | st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"),
        "expiresAt": st.none() | st.datetimes().map(lambda at: f"{at.isoformat()}+00:00"),
        "version": st.integers(1, 2**62),
    },
    optional={"labels": st.lists(texts), "ttlMinutes": st.floats(1e-5, 1e9)},
).map(lambda record: {name: record[name] for name in COLUMNS if name in record})


@few(4)
@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=60)
@given(records=st.lists(documents, max_size=4))
def test_every_format_gives_back_the_documents_it_was_given(
    name: str, records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    kind = kind_of(path)
    manifest = Manifest(len(records), "sum", template=("users", "{user_id}"))
    with writing(path, kind) as file:
        writer = FORMATS[kind.format].writer(file)
        writer.add([Entry(orjson.dumps(record), record) for record in records])
        writer.finish(manifest)
    with path.open("rb") as file:
        *entries, last = FORMATS[kind.format].read(plain(file, kind))
        assert last == manifest
        assert [entry.document for entry in entries if isinstance(entry, Entry)] == records
        assert [entry.line for entry in entries if isinstance(entry, Entry)] == [
            orjson.dumps(record) for record in records
        ]
