"""Faults planted in the controls of a run: whoever plants one must see it found.

`AGENTSTORE_SOAK_PLANT` names the controls, with commas. A run with a planted fault has to fail.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from langgraph_agentstore.explorer.visit import Visit
from langgraph_agentstore.mcp_server import memory_server
from langgraph_agentstore.runtime.data_keys import DataKeys
from langgraph_agentstore.runtime.replica_lag import UsersWrites
from langgraph_agentstore.runtime.statements import Database
from langgraph_agentstore.sql.statement_settings import users_setting
from tests.soak import mcp_worker
from tests.soak.heard import Heard
from tests.soak.opening import ITEMS
from tests.support.faults import execute

SHARE = 0.02
TRIGGERS = {"history": ("%history%", 0.3), "quotas": ("%usage_of%", 8.0), "holds": ("%hold%", 8.0)}
"""The triggers that a fault turns off, and for how many seconds."""


def no_users() -> None:
    """Some statements name nobody: the setting of users is dropped."""
    told = Database._users_setting

    def dropped(users: Any) -> tuple[str, str]:
        return users_setting(()) if random.random() < SHARE else told(users)

    Database._users_setting = staticmethod(dropped)  # type: ignore[method-assign]


def clear_values() -> None:
    """Some values are written as they are."""
    sealed = DataKeys._sealed_put

    def some(self: DataKeys, put: Any) -> Any:
        return put if random.random() < SHARE else sealed(self, put)

    DataKeys._sealed_put = some  # type: ignore[method-assign]


def content_in_spans() -> None:
    """Spans have what users stored."""
    begin = Heard.__init__

    def telling(self: Heard) -> None:
        begin(self)
        self.telemetry = replace(self.telemetry, content=True)

    Heard.__init__ = telling  # type: ignore[method-assign]


def own_writes_forgotten() -> None:
    """A read goes to the standby, whatever its user has just written."""

    def forgotten(_self: UsersWrites, _users: Any) -> None:
        return

    UsersWrites.add = forgotten  # type: ignore[method-assign,assignment]


def page_of_another() -> None:
    """The explorer takes a page to be about another user."""
    asked: Any = Visit.user_id

    def wrong(self: Visit) -> str:
        another = random.random() < 10 * SHARE
        return "storeworker0@0" if another else str(asked.fget(self))

    Visit.user_id = property(wrong)  # type: ignore[method-assign,assignment]


def one_server_for_all() -> None:
    """Every MCP client is served the memories of one user."""
    serve = memory_server

    def of_one(store: Any, _user: str) -> Any:
        return serve(store, "mcpworker0@0")

    vars(mcp_worker)["memory_server"] = of_one


AT_START: dict[str, Callable[[], None]] = {
    "telemetry": content_in_spans,
    "mcp": one_server_for_all,
}
AT_WORK: dict[str, Callable[[], None]] = {
    "row_security": no_users,
    "encryption": clear_values,
    "replica": own_writes_forgotten,
    "explorer": page_of_another,
}
"""What is planted in each process: before its stores open, and when its workers begin."""


def plant(faults: dict[str, Callable[[], None]], controls: Sequence[str]) -> None:
    for control in {*faults} & {*controls}:
        faults[control]()


def turn_triggers_off(control: str, owner_dsn: str) -> None:
    """For a moment the database does not do what the control has it do."""
    pattern, lasts_s = TRIGGERS[control]
    time.sleep(15)
    found = execute(
        owner_dsn,
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%(table)s)"
        " AND tgname LIKE %(pattern)s",
        table=f"{ITEMS}.item",
        pattern=pattern,
    )
    assert found, f"no trigger is like {pattern}"
    for (name,) in found:
        execute(owner_dsn, "ALTER TABLE {}.item DISABLE TRIGGER {}", ITEMS, name)
    time.sleep(lasts_s)
    for (name,) in found:
        execute(owner_dsn, "ALTER TABLE {}.item ENABLE TRIGGER {}", ITEMS, name)
