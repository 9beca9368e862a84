"""Records as they leave Python, and as they come back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from langgraph_agentstore import DataStoreRecord

THEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
RECORD = DataStoreRecord(
    user_id="ann",
    namespace="files:a",
    key="read me",
    value={"Kept": [1, None]},
    metadata={"aB": 1},
    created_by_agent="writer",
    created_at=THEN,
    updated_at=THEN,
)


def test_a_document_is_in_camel_case_with_offsets_and_an_id() -> None:
    assert RECORD.document() == {
        "_id": "ann:files:a:cmVhZCBtZQ==",
        "userId": "ann",
        "namespace": "files:a",
        "key": "read me",
        "value": {"Kept": [1, None]},
        "metadata": {"aB": 1},
        "createdByAgent": "writer",
        "lastAccessedByAgent": None,
        "accessCount": 0,
        "createdAt": "2026-01-02T03:04:05.678000+00:00",
        "updatedAt": "2026-01-02T03:04:05.678000+00:00",
        "lastAccessedAt": None,
        "expiresAt": None,
        "version": 1,
    }


def test_a_document_makes_the_same_record_again() -> None:
    assert DataStoreRecord.model_validate(RECORD.document()) == RECORD


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05.678000",
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:05.678+00:00",
        "2026-01-02T05:04:05.678+02:00",
    ],
)
def test_times_are_taken_naive_with_z_and_with_any_offset(text: str) -> None:
    read = DataStoreRecord.model_validate({**RECORD.document(), "createdAt": text})
    assert read.created_at == THEN
    assert read.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("wrong", [{"userID": "x"}, {"accessCount": "many"}, {"createdAt": None}])
def test_fields_that_are_unknown_or_wrong_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataStoreRecord.model_validate({**RECORD.document(), **wrong})
