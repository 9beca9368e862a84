"""The SQL of erasing, holds, quotas and retention, and their refusals; without a server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from langgraph_agentstore.config.quota_options import Limits, Quotas
from langgraph_agentstore.errors import LegalHoldError, QuotaExceededError, UserErasedError
from langgraph_agentstore.results import ErasureReceipt, LegalHold, Usage, Vacuum
from langgraph_agentstore.security.erasing.remains import remains_of
from langgraph_agentstore.security.erasing.sql import (
    TOMBSTONE_TRIGGERS,
    bury_sql,
    erase_from_sql,
    readmit_sql,
    vacuum_sql,
)
from langgraph_agentstore.security.holding.sql import (
    HOLD_TRIGGERS,
    add_hold_sql,
    decode_holds,
    hold_of_user_sql,
    plan_end_of_hold,
    plan_holds,
)
from langgraph_agentstore.security.quotas.retention_sql import plan_retention, retention_indexes
from langgraph_agentstore.security.quotas.sql import (
    QUOTA_TRIGGERS,
    columns_of_limits,
    limits_sql,
    plan_usage,
    read_limits,
    recount_sql,
    replace_limits_sql,
)
from langgraph_agentstore.security.refusals import refusal_error
from langgraph_agentstore.security.triggers import missing_triggers_statement
from langgraph_agentstore.sql.items.expiry import plan_sweep
from langgraph_agentstore.sql.statement import ItemId, SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.transfer.person_sql import FIRST_ROW, plan_rows
from tests.support.golden import check_golden

GOLDEN = Path(__file__).parent / "golden"
TABLES = Tables("it's")
# `test_distributed_sql.py` runs this file once more, with the rules of distributed tables.
DISTRIBUTED: bool = globals().get("DISTRIBUTED", False)
RULES = SqlContext(TABLES, distributed=DISTRIBUTED)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
HOLD = UUID(int=7)
TRIGGERS = (*TOMBSTONE_TRIGGERS, *HOLD_TRIGGERS, *QUOTA_TRIGGERS)

STATEMENTS = {
    "control_triggers": ";\n".join(trigger.create(TABLES) for trigger in TRIGGERS),
    "missing_triggers": missing_triggers_statement(TRIGGERS, TABLES)[0],
    "bury_user": bury_sql(TABLES),
    "readmit_user": readmit_sql(TABLES),
    "erase_from": erase_from_sql(TABLES, "item_lock"),
    "vacuum": vacuum_sql("a.b", full=False) + ";\n" + vacuum_sql("a.b", full=True),
    "add_hold": add_hold_sql(TABLES),
    "hold_of_user": hold_of_user_sql(TABLES),
    "release_hold": plan_end_of_hold(HOLD, RULES).sql,
    "holds": plan_holds(RULES).sql,
    "sweep_unheld": plan_sweep(10, RULES, held=True).sql,
    "retention": plan_retention("a:b's", timedelta(1), 10, RULES, held=False).sql,
    "retention_unheld": plan_retention("a", timedelta(1), 10, RULES, held=True).sql,
    "retention_index": retention_indexes(TABLES, ["a:b's"])[0].create,
    "limits": limits_sql(TABLES),
    "replace_limits": ";\n".join(replace_limits_sql(TABLES)),
    "recount": ";\n".join(recount_sql(TABLES)),
    "usage": plan_usage("ada", RULES).sql,
    "rows_of_a_person": plan_rows("item_history", "ada", FIRST_ROW, 10, RULES).sql,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_text_is_the_golden_one(name: str) -> None:
    check_golden(GOLDEN / f"{name}.sql", STATEMENTS[name])


def test_rows_become_results() -> None:
    hold = (HOLD, None, "a:b", "case 7", NOW)
    assert decode_holds([hold]) == [LegalHold(HOLD, None, ("a", "b"), "case 7", NOW)]
    assert plan_holds(RULES).decode([hold]).result == decode_holds([hold])
    assert plan_end_of_hold(HOLD, RULES).decode([(1,)]).result
    assert not plan_end_of_hold(HOLD, RULES).decode([]).result
    usage = plan_usage("ada", RULES).decode([("", 1, 2, 3, 4, None, 6)]).result
    assert usage == [Usage((), 1, 2, 3, 4, None, 6)]


def test_rows_of_a_person_have_opened_values() -> None:
    fields = {"user_id": "ada", "namespace": "a", "key": "k"}
    rows = [("(0,1)", fields, {"n": 1}), ("(0,2)", {"user_id": "ada"}, None)]
    clear = plan_rows("item_history", "ada", FIRST_ROW, 10, RULES).decode(rows).result
    assert clear == [("(0,1)", {**fields, "value": {"n": 1}}), ("(0,2)", {"user_id": "ada"})]

    class Opening:
        """Sealed values that tell by whose address they were opened."""

        def opened(self, item_id: ItemId, value: object) -> object:
            return [item_id, value]

    opening: Any = Opening()
    sealing = SqlContext(TABLES, sealing=opening)
    opened = plan_rows("item_history", "ada", FIRST_ROW, 10, sealing).decode(rows[:1]).result
    assert opened[0][1]["value"] == [("ada", "a", "k"), {"n": 1}]


def test_limits_are_written_and_read_by_stored_namespace() -> None:
    limits = Quotas(Limits(items=1), {("a", "b:c"): Limits(bytes=2)}).stored
    assert list(limits) == ["", "a:b%3Ac"]
    columns = columns_of_limits(limits)
    assert columns == (["", "a:b%3Ac"], [1, None], [None, 2], [None, None])
    assert read_limits(list(zip(*columns, strict=True))) == limits
    assert Quotas(namespaces={("a",): Limits()}).stored == {"a": Limits()}


def test_refusals_become_typed_errors() -> None:
    assert refusal_error("23505", None) is None
    assert refusal_error(None, None) is None
    erased = refusal_error("AGE01", json.dumps({"digest": "d", "erased_at": NOW.isoformat()}))
    assert isinstance(erased, UserErasedError)
    assert (erased.digest, erased.erased_at) == ("d", NOW)
    held = refusal_error("AGH01", json.dumps({"hold": str(HOLD)}))
    assert isinstance(held, LegalHoldError)
    assert held.hold_id == HOLD
    quota = {"kind": "items", "limit": 1000, "usage": 999, "namespace": "a:b"}
    beyond = refusal_error("AGQ01", json.dumps(quota))
    assert isinstance(beyond, QuotaExceededError)
    assert "999 of 1,000 items in ('a', 'b')" in str(beyond)
    fast = refusal_error(
        "AGQ01", json.dumps({**quota, "kind": "writes_per_minute", "namespace": ""})
    )
    assert "writes per minute" in str(fast)
    assert "next minute" in str(fast)


@pytest.mark.parametrize("vacuumed", [False, True, "full"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_receipt_names_what_remains(vacuumed: Vacuum, elsewhere: bool) -> None:
    receipt = ErasureReceipt("digest", NOW, {"item": 1}, vacuumed=vacuumed)
    remains = remains_of(receipt, "0/1", archived=elsewhere, replicas=elsewhere)
    places = " ".join(remainder.place for remainder in remains)
    assert ("replicas" in places) == elsewhere
    assert ("archived" in places) == elsewhere
    assert ("dead rows in the pages" in places) == (not vacuumed)
    assert ("free space" in places) == (vacuumed is True)
