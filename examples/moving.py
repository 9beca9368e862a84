"""Memories on the move: a file of everything, a damaged one refused, and another store.

python examples/moving.py
"""

import tempfile
from pathlib import Path

from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DamagedFileError
from langgraph_agentstore.transfer import copy, export, import_


def main() -> None:
    """Fill a store of another package, move it here, and out into a file and back."""
    there = InMemoryStore()
    for n in range(1000):
        there.put(("users", f"user-{n % 10}", "memories"), f"m{n}", {"n": n})

    with (
        AgentStore(schema="agentstore_example_moving") as store,
        tempfile.TemporaryDirectory() as folder,
    ):
        print(f"copied and compared: {copy(there, store)}")

        path = Path(folder) / "user-7.csv.gz"
        manifest = export(store, path, user_id="user-7")
        print(f"exported of {manifest.user_id}: {manifest.records}")

        store.delete_user("user-7")
        print(f"brought back: {import_(store, path)}")

        path.write_bytes(path.read_bytes()[:-10])
        try:
            import_(store, path)
        except DamagedFileError:
            print("the file that was cut off: refused")
        # So that the example can be run again.
        store.delete_namespace(("users",))


if __name__ == "__main__":
    main()
