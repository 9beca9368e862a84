"""Coming from LangGraph's own Postgres store, with everything and without embedding anew."""

from __future__ import annotations

from datetime import datetime

from .._support.progress import Progress, telling_progress
from ..errors import InvalidOperationError
from ..langgraph_postgres.migration import Migrating
from ..langgraph_postgres.source import OfficialSource
from ..results import MigrationReport
from ..runtime.jobs.copy_load import AFTER_LARGE_LOAD
from ..runtime.session import Job
from .maintenance import KeptSurface


class MigratedSurface(KeptSurface):
    """`KeptSurface` with the way here from the official store."""

    def migrate_from_langgraph_postgres(
        self,
        dsn: str,
        *,
        schema: str = "public",
        since: datetime | None = None,
        skip_refused: bool = False,
        progress: Progress | bool | None = None,
    ) -> MigrationReport:
        """Copies the items and vectors of `PostgresStore` or `AsyncPostgresStore` into this store.

        The tables `store` and `store_vectors` are read as they are at one moment, by a role that
        need not be allowed more than SELECT, while anybody may go on using them. Times, expiry
        and TTL stay; nothing is embedded. Of an item that both have, the newer stays. So it can be
        run again, for what was written there since, and after an interruption: it does what is
        left to do. At the end all is compared.

        Args:
            dsn: of the database that the official store was given; that of this store or another.
            schema: where its tables are.
            since: only items written there since then, or kept alive by a read, such as `read_at`
                of an earlier report less a minute: what was removed here meanwhile and not
                touched there stays away.
            skip_refused: leaves items out that this store does not take, instead of raising.
            progress: called with the number of items done so far, after each page; True shows a
                bar on a terminal and in a notebook.

        Raises:
            ConfigurationError: the tables are not there; or `schema` is no name.
            IndexMismatchError: this store's index has other dims, or other fields. Nothing is
                written.
            DatabaseError: the role may not read them.
            InvalidKeyError, InvalidNamespaceError, InvalidValueError: this store does not take
                an item; the message names it. Nothing of its page is written.
            CopyMismatchError: an item is not here in the end; run it again.
        """
        work = self._migrating(dsn, schema, since, skip_refused)
        try:
            total: int = self._run(Job(work.begin))
            with telling_progress(progress, "migrating", total) as tell:
                while not work.copied:
                    tell(self._run(Job(work.copy)))
            with telling_progress(progress is True, "comparing", total) as tell:
                while not work.compared:
                    tell(self._run(Job(work.compare)))
        finally:
            self._run(Job(work.end))
        if work.large:
            self._run(AFTER_LARGE_LOAD)
        return work.report()

    async def amigrate_from_langgraph_postgres(
        self,
        dsn: str,
        *,
        schema: str = "public",
        since: datetime | None = None,
        skip_refused: bool = False,
        progress: Progress | bool | None = None,
    ) -> MigrationReport:
        """As `migrate_from_langgraph_postgres`; what it wrote until it is cancelled is whole."""
        work = self._migrating(dsn, schema, since, skip_refused)
        try:
            total: int = await self._arun(Job(work.begin))
            with telling_progress(progress, "migrating", total) as tell:
                while not work.copied:
                    tell(await self._arun(Job(work.copy)))
            with telling_progress(progress is True, "comparing", total) as tell:
                while not work.compared:
                    tell(await self._arun(Job(work.compare)))
        finally:
            await self._arun(Job(work.end))
        if work.large:
            await self._arun(AFTER_LARGE_LOAD)
        return work.report()

    def _migrating(
        self, dsn: str, schema: str, since: datetime | None, skip_refused: bool
    ) -> Migrating:
        if since is not None and getattr(since, "tzinfo", None) is None:
            raise InvalidOperationError(
                f"since is a datetime with a time zone, such as report.read_at, got {since!r}"
            )
        source = OfficialSource(dsn, schema, since)
        return Migrating(source, self._planner.scope, skip_refused=skip_refused)
