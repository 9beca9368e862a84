"""Files that somebody made to do harm: bombs, forged manifests, names laid out as traps."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, transfer
from langgraph_agentstore.errors import DamagedFileError, TransferError
from langgraph_agentstore.transfer.formats.base import COLUMNS
from langgraph_agentstore.transfer.formats.parquet import _schema as schema_of
from langgraph_agentstore.transfer.manifest import Manifest, Tally, manifest_entry
from tests.support.matrices import few

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory in /proc")

MEGABYTE = 2**20


def write_bomb(path: Path, kind: str) -> None:
    """A file of some hundred kilobytes that unpacks to half a gigabyte within one record."""
    starts = {
        "jsonl": b'{"key": "',
        "json": b'[{"key": "',
        "csv": b'_id,userId\r\n"',
        "yaml": b"--- \n- ",
    }
    with gzip.open(path, "wb", 9) as file:
        file.write(starts[kind])
        for _ in range(512):
            file.write(b"x" * MEGABYTE)


@few(1)
@linux
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "yaml"])
def test_a_file_that_unpacks_to_much_is_refused_in_bounded_memory(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"bomb.{kind}.gz"
    write_bomb(path, kind)
    peak, said = refused("transfer.verify(sys.argv[1])", path)
    assert peak < 450
    assert kind == "csv" or "max_record_bytes" in said


def refused(call: str, path: Path) -> tuple[int, str]:
    """The peak of a process's memory in megabytes, and how it refused a file."""
    program = (
        "import re, sys\n"
        "from langgraph_agentstore import transfer\n"
        "from langgraph_agentstore.errors import DamagedFileError\n"
        "try:\n"
        f"    {call}\n"
        "except DamagedFileError as error:\n"
        "    status = open('/proc/self/status').read()\n"
        "    print(int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    peak, _, said = done.stdout.partition(" ")
    return int(peak), said


@linux
@pytest.mark.parametrize("options", [{}, {"dictionary_pagesize_limit": 2**26}], ids=str)
def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(
    options: dict[str, int], tmp_path: Path
) -> None:
    """By a long text in each of 80 rows, written 80 times or once."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    row = dict.fromkeys(COLUMNS) | {"value": '"' + "x" * 8 * MEGABYTE + '"'}
    row.update(metadata="{}", userId="", namespace="n", key="k", _id=":n:aw==")
    table = arrow.Table.from_pylist([row], schema_of(arrow, COLUMNS))
    path = tmp_path / "bomb.parquet"
    many = arrow.concat_tables([table] * 80).combine_chunks()
    parquet.write_table(many, path, compression="zstd", **options)
    del table, many
    assert path.stat().st_size < 4 * MEGABYTE

    peak, said = refused("transfer.verify(sys.argv[1], max_record_bytes=2**20)", path)
    assert peak < 450
    assert "max_record_bytes" in said


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "yaml", "jsonl.gz"])
def test_a_record_may_be_as_large_as_is_allowed(suffix: str, tmp_path: Path) -> None:
    store = InMemoryStore()
    store.put(("n",), "k", {"text": "x" * 2_000_000})
    path = tmp_path / f"e.{suffix}"
    transfer.export(store, path)

    with pytest.raises(DamagedFileError, match="more than 1000000 bytes"):
        transfer.import_(InMemoryStore(), path, max_record_bytes=1_000_000)
    with pytest.raises(DamagedFileError):
        transfer.verify(path, max_record_bytes=1_000_000)
    assert transfer.import_(InMemoryStore(), path) == 1


def test_a_forged_manifest_brings_no_other_users_records_into_a_view(
    postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    """Its checksum is right: anybody can compute it."""
    path = tmp_path / "forged.jsonl"
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        for user in ("alice", "bob"):
            store.for_user(user).put(("notes",), user, {"of": user})
        transfer.export(store, path)
        *lines, last = path.read_bytes().splitlines()
        tally = Tally()
        for line in lines:
            tally.add(line, "bob")
        said = orjson.loads(last)["manifest"]
        forged = Manifest(
            records=len(lines),
            sha256=tally.sha256,
            user_id="bob",
            template=tuple(said["template"]),
        )
        path.write_bytes(b"\n".join([*lines, orjson.dumps(manifest_entry(forged))]) + b"\n")

        with pytest.raises(TransferError, match="another user's"):
            transfer.import_(store.for_user("carol"), path)

        assert store.for_user("carol").count() == 0
