"""Plain data from planning to the runtime: addressed operations and statements."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import wraps
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
)

from .._support.one_time_warnings import Hints
from ..config.search_index import SearchIndex, VectorIndex
from ..model.addresses import RemovedPlace
from ..model.json_values import LARGEST_BYTES, encode_value
from ..model.namespaces import Labels
from ..model.text_fields import Part, Paths
from ..model.users import DEFAULT_TEMPLATE
from .server_forms import both_forms
from .tables import Tables

ItemId: TypeAlias = tuple[str, str, str]
"""user id, stored namespace, key: the primary key of `item`."""

Users: TypeAlias = tuple[str, ...]
"""The users whose rows an operation may see and write; "" is the shared space."""

Row: TypeAlias = Sequence[Any]
"""A row of a result, by position: an `asyncpg.Record`, or a tuple in tests."""

LARGE_VALUE_BYTES: Final = 256 * 1024
"""From here on a value is large: it is read apart from others, and decoded apart."""

ResultT = TypeVar("ResultT")
P = ParamSpec("P")


class Queue(Enum):
    """The queue in which an operation waits, and so what it is batched with."""

    GETS = auto()
    WRITES = auto()
    SHARED = auto()
    """Cheap reads of one text: one statement for all that wait."""
    EQUAL_READS = auto()
    """Reads of any cost: equal ones that wait share one run."""
    REFRESHES = auto()
    ALONE = auto()


class Operation(Generic[ResultT]):
    """A unit of work for a caller, with a result of type `ResultT`."""

    __slots__ = ()

    queue: ClassVar[Queue] = Queue.ALONE
    kind: ClassVar[str] = "other"
    """The name of its kind in figures, logs, spans, and in the comment of its statement."""

    @property
    def users(self) -> Users | None:
        """The users whose rows it is about; None for those of all users."""
        return None


class OfOneItem(Operation[ResultT]):
    """An operation on one item."""

    __slots__ = ()

    item_id: ItemId

    @property
    def users(self) -> Users:
        return (self.item_id[0],)


NO_METADATA = b"{}"


class Sealing(Protocol):
    """The rules of a store that encrypts values; planning uses no key."""

    def is_sealed_field(self, name: str) -> bool:
        """Return whether a top-level field is encrypted."""

    def has_equality(self, name: str) -> bool:
        """Return whether an encrypted field has a blind index, by which equality is asked."""

    def hashed(self, user_id: str, name: str, value: Any) -> str:
        """Return the hash of a field's value in the blind index."""

    def searchable(self, value: bytes) -> bytes:
        """Return the part of a value that words and vectors may be made of, as JSON text."""

    def opened(self, item_id: ItemId, value: Any) -> Any:
        """Open the stored value of an item; raise DecryptionError if it is not a good one."""


@dataclass(frozen=True, slots=True)
class SqlContext:
    """The configuration that every statement depends on.

    `vector_set`: the number of the set of vectors in use, which only an open store knows.
    `approximate`: whether that has an approximate index. `max_value_bytes`: of a value that is
    written, as JSON text. `sealing`: of a store that encrypts. `guarded`: whether a guard sees each
    value before it is written. `asks_who`: whether the store wants to know who writes.
    `tells_users`: whether reads that share a statement return the user of each row, so that it can
    be compared. `distributed`: whether the tables are distributed by user, on Citus; None while no
    connection has told. `texts`: what `written_once` wrote.
    """

    tables: Tables
    omit_expired: bool = True
    index: SearchIndex | None = None
    vector_set: int | None = None
    approximate: bool = False
    max_value_bytes: int = LARGEST_BYTES
    sealing: Sealing | None = field(default=None, repr=False)
    guarded: bool = False
    asks_who: bool = False
    tells_users: bool = False
    distributed: bool | None = False
    texts: dict[Hashable, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def searched(self) -> SearchIndex:
        """The index; there must be one."""
        assert self.index is not None
        return self.index

    @property
    def vector_index(self) -> VectorIndex:
        """The index's storage of vectors; the index must have vectors."""
        assert self.searched.vectors is not None
        return self.searched.vectors

    @property
    def vectors(self) -> str:
        """The table of the vectors in use."""
        assert self.vector_set is not None
        return self.tables.item_vector(self.vector_set)

    def searchable(self, value: bytes) -> bytes:
        """Return the part of a value, JSON text, that words and vectors may be made of."""
        return value if self.sealing is None else self.sealing.searchable(value)

    def user_column(self) -> str:
        """Return the column with the user of an item, behind a comma; nothing if nobody asks."""
        return ", i.user_id" if self.tells_users else ""

    def of_users(self, alias: str, users: str) -> str:
        """Return the condition that rows are of an array's users, where tables are distributed.

        There, a statement goes to the nodes of these users only if each of its tables says so. On
        one server it would be one more condition to test.
        """
        return self.either("", f" AND {alias}.user_id = ANY ({users})")

    def either(self, on_one_server: str, distributed: str) -> str:
        """Return the SQL for this kind of server; while it is not known, both, for `form_of`."""
        if self.distributed is None:
            return both_forms(on_one_server, distributed)
        return distributed if self.distributed else on_one_server

    def at_server_of(self, found: SqlContext) -> SqlContext:
        """Return these rules with what a connection has told others of the server."""
        return replace(self, tells_users=found.tells_users, distributed=found.distributed)

    def live(self, alias: str = "i") -> str:
        """Return the condition that an item has not expired; `true` if `omit_expired` is off."""
        alive = f"({alias}.expires_at IS NULL OR {alias}.expires_at > now())"
        return alive if self.omit_expired else "true"


def written_once(
    write: Callable[Concatenate[SqlContext, P], str],
) -> Callable[Concatenate[SqlContext, P], str]:
    """Decorate a function that writes SQL: its text is kept with the context and the arguments.

    A cache of the module's own would keep every store's embedder alive, and would have to hash
    and compare it: pydantic models cannot be hashed.
    """

    @wraps(write)
    def remembered(context: SqlContext, /, *args: P.args, **kwargs: P.kwargs) -> str:
        name = (write, *args, *kwargs.values())
        if (text := context.texts.get(name)) is None:
            text = context.texts[name] = write(context, *args, **kwargs)
        return text

    return remembered


@dataclass(slots=True)
class CurrentRules:
    """The context in force, which all planners of a store share; reindexing replaces it.

    `hints`: those that the store's users were given. `constants`: the labels before the user in
    the tuples of the plain store, by which a view names what others share.
    """

    context: SqlContext
    hints: Hints = field(default_factory=Hints)
    constants: Labels = DEFAULT_TEMPLATE[:-1]

    def learn(self, found: SqlContext) -> None:
        """Take over what only a connection tells of the server."""
        self.context = self.context.at_server_of(found)


@dataclass(slots=True)
class Get(OfOneItem[ResultT]):
    """A read of one item; gets of any users and namespaces share one statement.

    `labels` is the namespace of LangGraph's `Item`; None asks for a `StoredValue`.
    """

    queue: ClassVar[Queue] = Queue.GETS
    kind: ClassVar[str] = "get"

    item_id: ItemId
    labels: tuple[str, ...] | None
    refresh: bool


@dataclass(frozen=True, slots=True)
class StoredValue:
    """The value of a record, any JSON, and its time of creation, which no later one has."""

    value: Any
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """The indexed content of an item: texts to embed, and text whose words count or None.

    `paths`: what the writer chose in place of the index's fields; None for these. `index`: whose
    settings gave the texts.
    """

    index: SearchIndex
    parts: tuple[Part, ...] = ()
    words: str | None = None
    paths: Paths | None = None


@dataclass(slots=True)
class Put(OfOneItem[None]):
    """A write of one item; `value` is JSON text, `sort_key` what its namespace sorts by.

    `content` is None on a store without an index. `vectors` has one for each of its parts, in
    the wire format of `vector`; it is None until they are embedded. `metadata`, an object as JSON
    text, is merged into what there is; `created_by` counts where the item is new. `passed`:
    what the guard of the store said; None until it was asked. `held`: it is being asked.
    """

    queue: ClassVar[Queue] = Queue.WRITES
    kind: ClassVar[str] = "put"

    item_id: ItemId
    sort_key: str
    value: bytes
    ttl: timedelta | None
    content: Content | None = None
    vectors: list[bytes] | None = None
    metadata: bytes = NO_METADATA
    created_by: str | None = None
    passed: bool | None = None
    held: bool = False

    @property
    def pending(self) -> bool:
        """Tell whether the guard is to see it, or its parts are still to be embedded."""
        if self.held:
            return True
        return self.vectors is None and self.content is not None and bool(self.content.parts)

    @property
    def text(self) -> str | None:
        """The text whose words the item is found by."""
        return None if self.content is None else self.content.words

    @property
    def indexed_paths(self) -> bytes | None:
        """The paths that the writer chose instead of the index's fields, as JSON text."""
        if self.content is None or self.content.paths is None:
            return None
        return encode_value([path for path, _ in self.content.paths])

    @property
    def parts(self) -> int:
        """The number of its vectors."""
        return len(self.vectors or ())


@dataclass(slots=True)
class PutTogether(Operation[None]):
    """Puts of different ids, which are made all or none."""

    kind: ClassVar[str] = "put_together"

    puts: list[Put]

    @property
    def users(self) -> Users:
        return tuple(dict.fromkeys([put.item_id[0] for put in self.puts]))


@dataclass(slots=True)
class PutExpected(Operation[None]):
    """A put over `version` only; 0: only where no item is. `created_at`: of just that item."""

    kind: ClassVar[str] = "put_expected"

    put: Put
    version: int
    created_at: datetime | None = None

    @property
    def users(self) -> Users:
        return self.put.users


@dataclass(slots=True)
class Delete(OfOneItem[None]):
    """A removal of one item; `pending`: the guard of the store is being asked."""

    queue: ClassVar[Queue] = Queue.WRITES
    kind: ClassVar[str] = "delete"

    item_id: ItemId
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Refresh(OfOneItem[None]):
    """An extension of an item's expiry, unless it was extended or written since `seen`."""

    queue: ClassVar[Queue] = Queue.REFRESHES
    kind: ClassVar[str] = "refresh"

    item_id: ItemId
    seen: datetime
    expires_at: datetime


def columns_of(item_ids: Sequence[ItemId]) -> tuple[list[str], list[str], list[str]]:
    """Return item ids as the three arrays that `unnest` turns back into rows."""
    return [t[0] for t in item_ids], [t[1] for t in item_ids], [t[2] for t in item_ids]


@dataclass(frozen=True, slots=True)
class Decoded(Generic[ResultT]):
    """The result of a statement, and the expiries that its read should extend.

    `instead`: the statement could not tell the result, this one can. `grown`: namespaces, each a
    user and a sort key, whose items should be listed: see `sql/items/newest.py`.
    """

    result: ResultT
    refreshes: list[Refresh] = field(default_factory=list)
    instead: Statement[ResultT] | None = None
    grown: list[tuple[str, str]] = field(default_factory=list)


def decode_count(rows: Sequence[Row]) -> Decoded[int]:
    """Return the number in the first column of the only row."""
    return Decoded(rows[0][0])


@dataclass(frozen=True, slots=True)
class Statement(Operation[ResultT]):
    """A statement: its text, its arguments, and the function that decodes its rows.

    `idempotent`: running it twice leaves what running it once does, so it may be retried.
    `queue`: `SHARED` for a read that costs about as much as a small page, whose arguments are
    numbers, strings and vectors; `EQUAL_READS` for any other read; `ALONE` for the rest.
    `again`: makes of a result that of one more caller, quicker than decoding does.
    `user_column`: the position of the column with the user of a row, where there is one.
    `depth`: the number of labels of the namespace that it is about, where it is about one.
    `removals`: what it removes for a user, for the guard of the store.
    """

    sql: str
    arguments: tuple[Any, ...]
    decode: Callable[[Sequence[Row]], Decoded[ResultT]]
    idempotent: bool = True
    queue: Queue = Queue.ALONE  # type: ignore[misc]  # of each statement, not of the class
    again: Callable[[ResultT], ResultT] | None = None
    users: Users | None = None
    user_column: int | None = None
    kind: str = "other"  # type: ignore[misc]  # of each statement, as its queue is
    depth: int | None = None
    removals: tuple[RemovedPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class Query(Operation[ResultT]):
    """A search by a query: `statement` plans it when the vector is there, if it needs one.

    `text` is what is to be embedded, None where words alone are searched.
    """

    text: str | None
    statement: Callable[[SqlContext, bytes | None], Statement[ResultT]]
    users: Users | None = None
    kind: str = "search"  # type: ignore[misc]  # of each query
    depth: int | None = None
