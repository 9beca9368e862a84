"""Memories in one file: stored, found, linked, backed up, and moved to Postgres.

python examples/memories.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from memory_agent import agent

TALKS = [
    ("talks/1", {"text": "My cat is called Turing.", "timestamp": "2023-12-31"}),
    ("talks/2", {"text": "Turing is five.", "timestamp": "2024-05-01"}),
]


def main() -> None:
    """One user's memories; the file is gone at the end."""
    with TemporaryDirectory() as folder:
        backup = Path(folder) / "backup.jsonl.gz"
        with agent.MemoryAgent("json", Path(folder) / "memories.json", user_id="ada") as memory:
            memory.batch_store([("ada", {"name": "Ada"}), *TALKS])
            memory.link("talks/2", "ada", "with")
            for found in memory.search_memory("talks/", {"timestamp": {"$gte": "2024-01-01"}}):
                print(f"since 2024: {found['text']}")
            print(f"backed up: {memory.backup_data(backup)}")

            with agent.MemoryAgent(user_id="ada") as postgres:
                print(f"moved to Postgres: {memory.migrate_to(postgres)}")
                [link] = postgres.related("talks/2")
                print(f"talks/2 was {link.relation} {postgres.retrieve_memory(link.key)['name']}")
                # So that the example can be run again.
                for key in postgres.list_memories():
                    postgres.delete_memory(key)


if __name__ == "__main__":
    main()
