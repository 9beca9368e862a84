"""The guard at work: each put passes it before it is embedded and sent."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence

import orjson

from ..errors import AgentStoreError, WriteRefusedError
from ..model.addresses import RemovedPlace
from ..model.json_values import check_allowed, encode_value
from ..model.namespaces import decode_labels
from ..model.provenance import Provenance
from ..security.guard import Allow, Guard, Quarantine, Redact, Refuse, Verdict, Write
from ..security.quarantine_sql import plan_quarantine
from ..sql.indexed_content import content_of
from ..sql.statement import Put, SqlContext
from .attribution import SAID
from .statements import Database

logger = logging.getLogger("langgraph_agentstore")


class Guarding:
    """Asks the guard of a store, and does what it says."""

    def __init__(self, guard: Guard, database: Database, context: Callable[[], SqlContext]) -> None:
        self._guard = guard
        self._database = database
        self._context = context

    async def passed(self, puts: Sequence[Put]) -> list[Put]:
        """Return the puts that are to be written; one that is refused raises for all of them."""
        said = SAID.get()
        return [put for put in puts if await self._passes(put, said)]

    async def _passes(self, put: Put, said: str | None) -> bool:
        """Tell whether a put is to be written, maybe with another value.

        Raises:
            WriteRefusedError: the guard refused it, or failed.
        """
        if put.passed is None:
            verdict = await self._verdict(_write_of(put, said))
            if isinstance(verdict, Refuse):
                key = put.item_id[2]
                raise WriteRefusedError(f"key {key!r}: the guard refused it: {verdict.reason}")
            if isinstance(verdict, Quarantine):
                await self._keep_aside(put, verdict.reason, said)
            elif isinstance(verdict, Redact):
                self._redact(put, verdict.value)
            put.passed = not isinstance(verdict, Quarantine)
        return put.passed

    async def may_remove(self, removals: Sequence[RemovedPlace]) -> None:
        """Ask about items that are to be deleted.

        Raises:
            WriteRefusedError: the guard refused it, failed, or said what says nothing of a delete.
        """
        said = SAID.get()
        for removal in removals:
            write = _delete_of(removal, said)
            verdict = await self._verdict(write)
            if isinstance(verdict, Refuse):
                raise WriteRefusedError(
                    f"{_subject(write)}: the guard refused it: {verdict.reason}"
                )
            if not isinstance(verdict, Allow):
                raise WriteRefusedError(
                    f"{_subject(write)}: the guard returned {type(verdict).__name__}, so nothing "
                    'was deleted; of a "delete" it returns Allow() or Refuse(…)'
                )

    async def _verdict(self, write: Write) -> Verdict:
        try:
            if inspect.iscoroutinefunction(self._guard):
                verdict = await self._guard(write)
            else:
                verdict = await asyncio.to_thread(self._guard, write)
        except AgentStoreError:
            raise
        except Exception as error:
            raise WriteRefusedError(
                f"{_subject(write)}: the guard failed ({type(error).__name__}), so nothing was "
                f"{_participle(write)}"
            ) from error
        if not isinstance(verdict, (Allow, Redact, Quarantine, Refuse)):
            raise WriteRefusedError(
                f"{_subject(write)}: the guard returned {type(verdict).__name__}, so nothing was "
                f"{_participle(write)}; it returns Allow(), Redact(…), Quarantine(…) or Refuse(…)"
            )
        return verdict

    def _redact(self, put: Put, value: object) -> None:
        context, text = self._context(), encode_value(value)
        check_allowed(len(text), context.max_value_bytes)
        put.value, put.vectors = text, None
        if context.index is not None and put.content is not None:
            paths = put.content.paths
            own = None if paths is None else [path for path, _ in paths]
            chosen = False if own == [] else own
            put.content = content_of(context.searchable(text), chosen, context.index)

    async def _keep_aside(self, put: Put, reason: str, said: str | None) -> None:
        [sealed] = await self._database.sealed([put])
        statement = plan_quarantine(sealed, reason, said, self._context())
        await self._database.run(statement, statement.users)
        logger.warning("the guard put a value of key %r into quarantine", put.item_id[2])


def _write_of(put: Put, said: str | None) -> Write:
    user_id, stored, key = put.item_id
    return Write(user_id, decode_labels(stored), key, orjson.loads(put.value), _provenance_of(said))


def _delete_of(removal: RemovedPlace, said: str | None) -> Write:
    labels = decode_labels(removal.stored)
    return Write(removal.user_id, labels, removal.key, None, _provenance_of(said), "delete")


def _provenance_of(said: str | None) -> Provenance:
    return Provenance(**orjson.loads(said or "{}"))


def _subject(write: Write) -> str:
    if write.operation == "put":
        return f"key {write.key!r}"
    return f"delete of {write.namespace!r}" + ("" if write.key is None else f", key {write.key!r}")


def _participle(write: Write) -> str:
    return "written" if write.operation == "put" else "deleted"
