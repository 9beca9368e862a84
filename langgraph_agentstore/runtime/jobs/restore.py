"""Restores: a page is written, then indexed by what its items say again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from ...model.json_values import encode_value
from ...model.users import Region
from ...security.history.restoring_sql import Restored, plan_restore_page
from ...sql.indexed_content import content_of
from ...sql.items.reindex_page import (
    ToIndex,
    fill_arguments,
    fill_sql,
    words_again_sql,
    words_arguments,
)
from ...sql.statement import ItemId, SqlContext
from ..attribution import author_alone
from ..index_state import IndexState
from ..job import Job
from ..session import Session

RESTORE_PAGE_SIZE = 500
"""How many items are restored by one statement."""


def restore_page_job(
    regions: Sequence[Region], as_of: datetime, after: ItemId, *, dry_run: bool
) -> Job[list[Restored]]:
    """Return the job that restores the next page, or tells what differs in it."""

    async def restore(session: Session, index_state: IndexState) -> list[Restored]:
        context = index_state.context
        statement = plan_restore_page(
            regions, as_of, after, RESTORE_PAGE_SIZE, context, dry_run=dry_run
        )
        said = author_alone(statement.sql, context.tables)
        rows = await session.database.run(statement, statement.users, settings=said)
        page = statement.decode(rows).result
        if context.index is not None:
            await _index_again(
                session, index_state, [item for item in page if item.version is not None]
            )
        return page

    return Job(
        lambda session: session.index.do(partial(restore, session)),
        writes_items=not dry_run,
        kind="restore",
    )


async def _index_again(
    session: Session, index_state: IndexState, written: Sequence[Restored]
) -> None:
    """Give the items the vectors and words of the index in force; those kept may be older."""
    context = index_state.context
    if not written:
        return
    users = tuple({item.item_id[0] for item in written})
    items = await asyncio.to_thread(_to_index, written, context)
    if context.vector_set is not None:
        wanted = [(item.item_id, [part.text for part in item.content.parts]) for item in items]
        for item, vectors in zip(items, await index_state.vectors(wanted), strict=True):
            item.vectors = vectors
        await session.database.fetch(
            fill_sql(context), fill_arguments(items), kind="restore", users=users
        )
    if context.searched.language is not None:
        await session.database.fetch(
            words_again_sql(context), words_arguments(items), kind="restore", users=users
        )


def _to_index(written: Sequence[Restored], context: SqlContext) -> list[ToIndex]:
    items = []
    for item in written:
        assert item.version is not None
        value = item.value
        if context.sealing is not None:
            value = context.sealing.opened(item.item_id, value)
        text = context.searchable(encode_value(value))
        content = content_of(text, False if item.paths == [] else item.paths, context.searched)
        items.append(ToIndex(item.item_id, item.version, content, []))
    return items
