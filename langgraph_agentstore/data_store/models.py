"""What a `DataStore` tells: whole records, what a search finds, changes.

Field names are in camel case where they leave Python, as documented for `data_store`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel
from typing_extensions import Self, override

from ..sql.items.records import StoredRecord
from .display import record_html
from .sql.changes import StoredChange


def _in_utc(moment: datetime) -> datetime:
    """Without an offset it is taken for UTC, as documents of other stores have it."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


UtcDatetime = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(lambda time: time.isoformat(), return_type=str, when_used="json"),
]
"""ISO 8601 with the offset +00:00 in JSON; naive text and `Z` are accepted."""


class DataStoreRecord(BaseModel):
    """One record, whole.

    `access_count`: how often `get`, `get_many` and `get_all` returned it to somebody with an
    agent name; `last_accessed_*` also tells of who wrote it. `created_by_agent` is None where
    LangGraph's methods wrote it first, `expires_at` where it never expires.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )

    user_id: str
    namespace: str
    key: str
    value: Any
    metadata: dict[str, Any]
    created_by_agent: str | None = None
    last_accessed_by_agent: str | None = None
    access_count: int = 0
    created_at: UtcDatetime
    updated_at: UtcDatetime
    last_accessed_at: UtcDatetime | None = None
    expires_at: UtcDatetime | None = None
    version: int = 1

    @classmethod
    @override
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """A record of a dict such as `document()` gives; its `_id` says nothing more.

        Not by a validator, with which pydantic would take JSON as strictly as Python's objects.
        """
        if isinstance(obj, Mapping):
            obj = {name: value for name, value in obj.items() if name != "_id"}
        return super().model_validate(obj, **options)

    @property
    def id(self) -> str:
        """`{user_id}:{namespace}:{key, url-safe base64, padded}`: an id for exports, no key."""
        return f"{self.user_id}:{self.namespace}:{encoded_key(self.key)}"

    def document(self) -> dict[str, Any]:
        """The record as JSON, with `_id` and field names in camel case."""
        return {"_id": self.id, **self.model_dump(mode="json", by_alias=True)}

    def _repr_html_(self) -> str:
        return record_html(self)


def encoded_key(key: str) -> str:
    """A key within an id: url-safe base64 of its UTF-8, padded."""
    return base64.urlsafe_b64encode(key.encode()).decode()


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record that `search` found; `score` is None without a query, else higher is nearer.

    `similarity`, `text_score` and `matched_words`: those of `ScoredItem`.
    """

    namespace: str
    key: str
    value: Any
    score: float | None
    created_at: datetime
    updated_at: datetime
    similarity: float | None = None
    text_score: float | None = None
    matched_words: tuple[str, ...] | None = None


RANKED_BY = ("similarity", "text_score", "matched_words")
"""What a found record takes over from a `ScoredItem`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record was written, or removed: `value` is then None.

    `version` is the record's at that moment; `at`, when the transaction that did it began.
    """

    op: Literal["set", "delete"]
    namespace: str
    key: str
    value: Any
    version: int
    at: datetime


def record_of(stored: StoredRecord) -> DataStoreRecord:
    """The record as it is stored.

    A namespace that no string names is given as its labels joined with `:` all the same.
    """
    # Nothing to check: the columns have these types.
    return DataStoreRecord.model_construct(
        user_id=stored.user_id,
        namespace=":".join(stored.labels),
        key=stored.key,
        value=stored.value,
        metadata=stored.metadata,
        created_by_agent=stored.created_by,
        last_accessed_by_agent=stored.last_accessed_by,
        access_count=stored.access_count,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        last_accessed_at=stored.last_accessed_at,
        expires_at=stored.expires_at,
        version=stored.version,
    )


def change_of(stored: StoredChange, namespace: str) -> Change:
    """The change as it is stored."""
    op: Literal["set", "delete"] = "delete" if stored.gone else "set"
    return Change(op, namespace, stored.key, stored.value, stored.version, stored.at)
