"""The server of one run, its databases, and the race of one row."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from langgraph_agentstore.embedded import EmbeddedPostgres

from .harness import Contestant, Options, race
from .items import Dataset, fill, mixed
from .results import Result
from .stores import Sides, make_tables, open_sides


@contextmanager
def server(folder: Path | None = None) -> Iterator[str]:
    """Run the bundled Postgres; its data end with the block unless a folder is given."""
    kept = folder or Path(tempfile.mkdtemp(prefix="agentstore-bench-"))
    postgres = EmbeddedPostgres(kept / "postgres")
    try:
        yield postgres.start()
    finally:
        postgres.stop()
        if folder is None:
            shutil.rmtree(kept, ignore_errors=True)


@dataclass
class Bench:
    """The server that the rows share; data are written when the first row asks for them."""

    options: Options
    server_dsn: str
    _filled: dict[str, str] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """The version of the server, in its own words."""
        with psycopg.connect(self.server_dsn) as connection:
            row = connection.execute("SELECT version()").fetchone()
        return str(row and row[0])

    @property
    def main(self) -> Dataset:
        """500 namespaces of 200 items; quick, of 20."""
        return mixed(500, 20 if self.options.quick else 200)

    def dsn(self, database: str) -> str:
        """Return the DSN of a database."""
        return urlsplit(self.server_dsn)._replace(path=f"/{database}").geturl()

    def new_database(self, name: str) -> str:
        """Create an empty database; return its DSN."""
        with psycopg.connect(self.server_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.dsn(name)

    def empty(self, name: str) -> str:
        """Create a database in which the tables of both stores are empty; return its DSN."""
        dsn = self.new_database(name)
        make_tables(dsn)
        return dsn

    def filled(self, name: str, write: Callable[[str], None]) -> str:
        """Return the DSN of a database that `write` filled, given its DSN, at the first call."""
        if name not in self._filled:
            dsn = self.empty(name)
            write(dsn)
            self._filled[name] = dsn
        return self._filled[name]

    def holding(self, dataset: Dataset) -> str:
        """Return the DSN of a database that holds this in the tables of both stores."""
        return self.filled(dataset.name, lambda dsn: fill(dsn, dataset.records))

    @contextmanager
    def sides(self, dataset: Dataset) -> Iterator[Sides]:
        """Open both stores on that data."""
        with open_sides(self.holding(dataset), self.options.connections) as sides:
            yield sides

    def row(
        self, name: str, contestants: tuple[Contestant, list[Contestant]], **how: Any
    ) -> Result:
        """Race ours against theirs; the options are those of `race`."""
        return race(name, *contestants, self.options, **how)
