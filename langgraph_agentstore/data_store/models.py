"""Results of a `DataStore`: whole records, found records, changes.

Field names are in camel case where they leave Python, as documented for `data_store`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel
from typing_extensions import Self, override

from ..html_tables import facts_table, shortened
from ..sql.items.records import StoredRecord
from .sql.changes import StoredChange

VALUE_LENGTH = 2000


def _in_utc(moment: datetime) -> datetime:
    """Convert to UTC; a moment without offset is taken for UTC, as in documents of other stores."""
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
    """One full record.

    `access_count`: the number of times that `get`, `get_many` and `get_all` returned the record to
    a caller with an agent name. `last_accessed_*` also cover writes. `created_by_agent` is None if
    LangGraph's methods created the record. `expires_at` is None if it never expires.
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
        """Make a record of a dict such as `document()` returns; ignore its `_id`.

        This is no pydantic validator, which would make JSON input as strict as Python objects.
        """
        if isinstance(obj, Mapping):
            obj = {name: value for name, value in obj.items() if name != "_id"}
        return super().model_validate(obj, **options)

    @property
    def id(self) -> str:
        """The record's id for exports: `{user_id}:{namespace}:{key, url-safe base64, padded}`."""
        return f"{self.user_id}:{self.namespace}:{encoded_key(self.key)}"

    def document(self) -> dict[str, Any]:
        """Return the record as JSON, with `_id` and field names in camel case."""
        return {"_id": self.id, **self.model_dump(mode="json", by_alias=True)}

    def _repr_html_(self) -> str:
        return record_html(self)


def encoded_key(key: str) -> str:
    """Encode a key for an id: url-safe base64 of its UTF-8, padded."""
    return base64.urlsafe_b64encode(key.encode()).decode()


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record that `search` found.

    `score` is None without a query; higher is nearer. `similarity`, `text_score` and
    `matched_words` are those of `ScoredItem`.
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
    """A write or a deletion of a record; `value` is None for a deletion.

    `version` is the record's version at that moment, `at` the start of the transaction.
    """

    op: Literal["set", "delete"]
    namespace: str
    key: str
    value: Any
    version: int
    at: datetime


def record_of(stored: StoredRecord) -> DataStoreRecord:
    """Convert a stored record.

    A namespace that no string can name is given as its labels joined with `:`.
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
    """Convert a stored change."""
    op: Literal["set", "delete"] = "delete" if stored.gone else "set"
    return Change(op, namespace, stored.key, stored.value, stored.version, stored.at)


def record_html(record: DataStoreRecord) -> str:
    """Return the HTML of a whole record; a long value is cut."""
    facts = {name: getattr(record, name) for name in type(record).model_fields}
    moments = {
        name: facts[name].isoformat() for name in facts if name.endswith("_at") and facts[name]
    }
    texts = {
        "value": shortened(_as_json(record.value), VALUE_LENGTH),
        "metadata": shortened(_as_json(record.metadata), VALUE_LENGTH),
    }
    return facts_table({**facts, **moments, **texts})


def _as_json(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # a record made by hand may hold anything
        return repr(value)
