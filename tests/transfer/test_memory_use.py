"""Moving many records takes no more memory than moving some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langgraph_agentstore import AgentStore
from tests.support.faults import run_script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="only Linux tells a program's own peak"
    ),
]

_MOVE = """
import json, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import copy, export, import_
dsn, schema, few, many, name = sys.argv[1:]

def peak_mib():
    with open("/proc/self/status") as status:
        [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

peaks = []
with AgentStore(dsn, schema=schema) as store, AgentStore(dsn, schema=schema + "_to") as to:
    for prefix in (few, few, few, many):  # at first a process grows, whatever it moves
        export(store, name, prefix=(prefix,))
        import_(to, name)
        if name.endswith(".gz"):
            copy(store, to, (prefix,))
        peaks.append(peak_mib())
print(json.dumps(peaks))
"""
_TEXT = "what was said " * 150  # some 2 kB


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.json", "x.csv.zst", "x.parquet"])
def test_memory_stays_as_it_is_with_a_third(
    name: str, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        for prefix, count in (("few", 8000), ("many", 40_000)):
            store.load(
                ((prefix,), f"{n:06}", {"n": n, "text": f"{n} {_TEXT}"}) for n in range(count)
            )
    path = str(tmp_path / name)
    *_, few, many = json.loads(
        run_script(_MOVE, postgres_dsn, schema_name, "few", "many", path, timeout_s=400)
    )
    assert many - few < 12, "MiB; the second has 64 more of records"
