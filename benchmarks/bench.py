"""The server of one run, its databases, and the race of one row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from .data import Dataset, fill, make_tables, mixed
from .options import Options
from .race import Contestant, race
from .results import NO_GOAL, Goal, Result, Unit
from .sides import Sides, open_sides

OFFICIAL = "official"


@dataclass
class Bench:
    """What the rows share; a dataset is filled when the first row asks for it."""

    options: Options
    server_dsn: str
    _filled: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Dataset:
        """500 namespaces of 200 items; quick, of 20."""
        return mixed(500, 20 if self.options.quick else 200)

    def new_database(self, name: str) -> str:
        """The DSN of an empty database."""
        with psycopg.connect(self.server_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return urlsplit(self.server_dsn)._replace(path=f"/{name}").geturl()

    def filled(self, dataset: Dataset) -> str:
        """The DSN of a database that holds this in the tables of both stores."""
        if dataset.name not in self._filled:
            dsn = self.new_database(dataset.name)
            fill(dsn, dataset)
            self._filled[dataset.name] = dsn
        return self._filled[dataset.name]

    def empty(self, name: str) -> str:
        """The DSN of a database in which the tables of both stores are empty."""
        dsn = self.new_database(name)
        make_tables(dsn)
        return dsn

    @contextmanager
    def sides(self, dataset: Dataset) -> Iterator[Sides]:
        """Both stores on that data."""
        with open_sides(self.filled(dataset), self.options.connections) as sides:
            yield sides

    def row(
        self,
        family: str,
        name: str,
        contestants: tuple[Contestant, list[Contestant]],
        *,
        goal: Goal = NO_GOAL,
        same: bool | None = None,
        unit: Unit = "/s",
        operations_per_step: int = 1,
        rival: str = OFFICIAL,
    ) -> Result:
        """Races them; `operations_per_step` is how many operations a step of the work does."""
        run = race(*contestants, self.options)

        def figures(rates: tuple[float, ...]) -> tuple[float, ...]:
            scale = {"ms": 1000.0}.get(unit, 1.0)
            if unit == "/s":
                return tuple(rate * operations_per_step for rate in rates)
            return tuple(scale / (rate * operations_per_step) for rate in rates)

        label = f"{rival}, {run.rival}" if rival == OFFICIAL else rival
        return Result(family, name, unit, figures(run.ours), figures(run.theirs), label, goal, same)
