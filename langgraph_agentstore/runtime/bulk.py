"""Loading many items by COPY."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan.bulk import STAGING, bulk_statements
from ..plan.model import Put
from ..plan.put import arguments_of
from .session import Job, Session
from .translate import executing


def load_job(puts: Sequence[Put]) -> Job:
    """Writes all of them, whose triples differ, or none: a COPY and an upsert, one transaction."""

    async def run(session: Session) -> int:
        create, upsert = bulk_statements(session.rules)
        records = [arguments_of(put) for put in puts]
        async with session.database.connections.lease() as connection:
            try:
                async with connection.transaction():
                    await connection.execute(create)
                    await connection.copy_records_to_table(
                        STAGING.name, records=records, columns=STAGING.columns
                    )
                    await connection.execute(upsert)
            except Exception as error:
                raise executing(error) from error
        return len(puts)

    return Job(run)
