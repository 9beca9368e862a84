"""The official Postgres store over the same texts: it searches by vectors alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg
from langgraph.store.base import PutOp
from langgraph.store.postgres import PostgresStore
from psycopg import sql
from psycopg.conninfo import make_conninfo

from .models import Model

PUTS_AT_ONCE = 500
"""Each put is several parameters of one statement, which has at most 65,535."""


@contextmanager
def official_store(dsn: str, schema: str, model: Model) -> Iterator[PostgresStore]:
    """Open the official store, its tables in a schema of their own, its index as by default."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    here = make_conninfo(dsn, options=f"-c search_path={schema},public")
    index: Any = {"dims": model.dims, "embed": model.embed, "fields": ["line"]}
    with PostgresStore.from_conn_string(here, index=index) as store:
        store.setup()
        yield store


def put_texts(store: PostgresStore, namespace: tuple[str, ...], texts: Mapping[str, str]) -> None:
    """Put texts by key, in batches."""
    puts = (PutOp(namespace, key, {"line": text}) for key, text in texts.items())
    while batch := list(islice(puts, PUTS_AT_ONCE)):
        store.batch(batch)
