"""`python -m benchmarks.saving_turns`: the time and the space that a turn takes.

To compare with another version, put a worktree of it first on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn

from .bench import server
from .memory.models import static_model

BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)
VOCABULARY = [
    f"{stem}{ending}"
    for stem in ("walk", "cook", "read", "paint", "train", *(f"w{n}" for n in range(800)))
    for ending in ("", "er", "ing", "s")
]
BLOCKING = 200
"""Turns that are saved one by one; the best of five rounds counts."""

_SIZES = """
SELECT c.relname, pg_total_relation_size(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname ~ '^item(_vector_[0-9]+)?$'"""


def main() -> None:
    """Parse the arguments, save turns by words alone and with word vectors, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saving_turns", description=__doc__)
    parser.add_argument("--turns", type=int, default=20_000)
    turns = _talk(parser.parse_args().turns)
    model = static_model()
    hybrid = {"mode": "hybrid", **model.index}
    with server() as dsn:
        for name, index in (("words", {"mode": "text"}), ("hybrid", hybrid)):
            print(f"{name}: {_measured(dsn, name, index, turns)}")


def _talk(number: int) -> list[Turn]:
    """Return turns of people; of three answers in ten, long ones as assistants give."""
    chance = random.Random(7)

    def said(least: int, most: int) -> str:
        return " ".join(chance.choices(VOCABULARY, k=chance.randint(least, most)))

    return [
        new_turn(
            f"t{n // 40}",
            f"{chance.choice(['Ann', 'Bo'])}: {said(5, 25)}",
            said(60, 200) if chance.random() < 0.3 else said(5, 30),
            at=BEGINNING + timedelta(minutes=n),
        )
        for n in range(number)
    ]


def _measured(dsn: str, schema: str, index: Any, turns: Sequence[Turn]) -> str:
    with AgentStore(dsn, schema=schema, index=index) as store:
        began = time.perf_counter()
        ConversationMemory(store, "ann").save_turns(turns)
        per_s = len(turns) / (time.perf_counter() - began)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("VACUUM {}.item").format(sql.Identifier(schema)))
            sizes = connection.execute(_SIZES, [schema]).fetchall()
        each_ms = min(_one_by_one_ms(store, turns[:BLOCKING]) for _ in range(5))
    sizes_told = ", ".join(f"{table} {size / len(turns):.0f}" for table, size in sorted(sizes))
    return f"{per_s:,.0f} turns/s, {each_ms:.2f} ms by save_turn, bytes a turn: {sizes_told}"


def _one_by_one_ms(store: AgentStore, turns: Sequence[Turn]) -> float:
    memory = ConversationMemory(store, "bo")
    began = time.perf_counter()
    for turn in turns:
        memory.save_turn(turn.query, turn.response, turn.thread_id)
    return (time.perf_counter() - began) / len(turns) * 1000


if __name__ == "__main__":
    main()
