"""Coming from the official Postgres store: again, after a kill, and what goes wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from langgraph.store.base import PutOp
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    AccessDeniedError,
    ConfigurationError,
    CopyMismatchError,
    DatabaseError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    StoreUnavailableError,
    ValueTooLargeError,
)
from langgraph_agentstore.langgraph_postgres import source as source_module
from langgraph_agentstore.langgraph_postgres.migration import LARGE
from tests.support.faults import (
    dsn_of,
    execute,
    kill,
    locked_rows,
    start_script,
    terminate_backends,
    until,
    wait_until,
)
from tests.support.official import fill, here, index, there

NOTES = ("users", "ann", "notes")
FEW = [PutOp(NOTES, str(n), {"text": f"number {n}"}) for n in range(5)]
FEW_LEFT = LARGE - 1
MANY = [PutOp(("users", f"u{n % 7}", "notes"), f"{n:05}", {"text": f"{n}"}) for n in range(2600)]


@pytest.fixture
def source(fresh_database: str) -> str:
    """A database for the official store."""
    return fresh_database


def snapshots(source: str) -> int:
    """Connections to the source that have a transaction open."""
    [(count,)] = execute(
        source,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND xact_start IS NOT NULL AND pid <> pg_backend_pid()",
    )
    return int(count)


def valid_indexes(dsn: str, schema: str) -> int:
    """How many approximate indexes of vectors there are."""
    [(count,)] = execute(
        dsn,
        "SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE x.indisvalid AND c.relname = 'item_vector_1_hnsw_vector_cosine'"
        " AND c.relnamespace = to_regnamespace(%(schema)s)",
        schema=schema,
    )
    return int(count)


# Again


def test_a_second_run_finds_everything_there(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    store.migrate_from_langgraph_postgres(source)
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.copied, report.present, report.compared) == (0, 5, 5)
    assert here(store) == there(source)


def test_what_was_written_there_since_comes_with_the_next_run(
    store: AgentStore, source: str
) -> None:
    fill(source, FEW)
    store.migrate_from_langgraph_postgres(source)
    fill(source, [PutOp(NOTES, "new", {"n": 1}), PutOp(NOTES, "3", {"text": "changed"})])
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.copied, report.present) == (2, 4)
    changed = store.get_record(NOTES, "3")
    assert changed is not None
    assert (changed.value, changed.version) == ({"text": "changed"}, 2)
    assert (changed.created_at, changed.updated_at) == there(source)[NOTES, "3"][1:3]


def test_what_was_written_here_since_stays(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    store.migrate_from_langgraph_postgres(source)
    store.put(NOTES, "3", {"text": "ours"})
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.newer, report.present, report.compared) == (1, 4, 5)
    item = store.get(NOTES, "3")
    assert item is not None
    assert item.value == {"text": "ours"}


async def test_a_write_between_the_look_and_the_copy_is_not_overwritten(
    store: AgentStore, postgres_dsn: str, schema_name: str, source: str
) -> None:
    fill(source, FEW)
    await store.amigrate_from_langgraph_postgres(source)
    execute(source, "UPDATE store SET updated_at = now()")
    with locked_rows(postgres_dsn, schema_name, "3") as locking:
        run = asyncio.create_task(store.amigrate_from_langgraph_postgres(source))
        await until(lambda: _waits_for_a_lock(postgres_dsn, schema_name))
        locking.execute(
            f"""UPDATE {schema_name}.item SET value = '{{"text": "ours"}}',
                       updated_at = now() + interval '1 hour' WHERE key = '3'"""
        )
        locking.commit()
        report = await run
    assert (report.copied, report.newer) == (4, 1)
    item = await store.aget(NOTES, "3")
    assert item is not None
    assert item.value == {"text": "ours"}


def _waits_for_a_lock(dsn: str, schema: str) -> bool:
    [(count,)] = execute(
        dsn,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE %(schema)s",
        schema=f"%{schema}%",
    )
    return bool(count)


def test_an_expiry_that_reads_moved_on_there_comes_too(store: AgentStore, source: str) -> None:
    fill(source, [PutOp(NOTES, "k", {"n": 1}, ttl=60)])
    store.migrate_from_langgraph_postgres(source)
    with PostgresStore.from_conn_string(source) as official:
        assert official.get(NOTES, "k", refresh_ttl=True) is not None
    assert store.migrate_from_langgraph_postgres(source).copied == 1
    assert here(store) == there(source)
    record = store.get_record(NOTES, "k")
    assert record is not None
    assert record.version == 1


@pytest.mark.parametrize("change", ["value = '{}'", "created_at = now()", "expires_at = now()"])
def test_what_is_another_here_though_its_time_is_the_same_is_written_again(
    store: AgentStore, source: str, postgres_dsn: str, schema_name: str, change: str
) -> None:
    fill(source, [PutOp(NOTES, "k", {"n": 1}, ttl=60)])
    store.migrate_from_langgraph_postgres(source)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(f"UPDATE {schema_name}.item SET {change}".encode())
    assert store.migrate_from_langgraph_postgres(source).copied == 1
    assert here(store) == there(source)


def test_an_expiry_that_reads_moved_on_here_stays(
    store: AgentStore, source: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(source, [PutOp(NOTES, "k", {"n": 1}, ttl=60)])
    execute(source, "UPDATE store SET expires_at = now() + interval '1 minute'")
    store.migrate_from_langgraph_postgres(source)
    later = "UPDATE {}.item SET expires_at = expires_at + interval '1 hour'"
    execute(postgres_dsn, later, schema_name)
    assert store.migrate_from_langgraph_postgres(source).present == 1


def test_since_leaves_alone_what_was_removed_here(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    first = store.migrate_from_langgraph_postgres(source)
    store.delete(NOTES, "1")
    fill(source, [PutOp(NOTES, "new", {"n": 1})])
    report = store.migrate_from_langgraph_postgres(source, since=first.read_at)
    assert (report.items, report.copied) == (1, 1)
    assert {key for _, key in here(store)} == {"0", "2", "3", "4", "new"}


def test_since_takes_an_expiry_that_reads_moved_on_there(store: AgentStore, source: str) -> None:
    fill(source, [PutOp(NOTES, "k", {"n": 1}, ttl=60), PutOp(NOTES, "untouched", {}, ttl=60)])
    first = store.migrate_from_langgraph_postgres(source)
    with PostgresStore.from_conn_string(source) as official:
        assert official.get(NOTES, "k", refresh_ttl=True) is not None
    report = store.migrate_from_langgraph_postgres(source, since=first.read_at)
    assert (report.items, report.copied) == (1, 1)
    assert here(store) == there(source)


@pytest.mark.parametrize("since", [datetime.now(timezone.utc).replace(tzinfo=None), "yesterday"])
def test_since_is_a_time_of_which_the_zone_is_known(store: AgentStore, since: Any) -> None:
    with pytest.raises(InvalidOperationError, match="time zone"):
        store.migrate_from_langgraph_postgres("postgresql://nowhere", since=since)


@pytest.mark.slow
def test_what_is_written_there_during_a_run_is_for_the_next(store: AgentStore, source: str) -> None:
    fill(source, MANY, batches=True)

    def write(done: int) -> None:
        fill(source, [PutOp(NOTES, f"during {done}", {"n": 1}), PutOp(*MANY[-1][:2], {"n": 2})])

    report = store.migrate_from_langgraph_postgres(source, progress=write)
    assert (report.items, report.compared) == (2600, 2600)
    assert store.migrate_from_langgraph_postgres(source).copied >= 2
    assert here(store).keys() == there(source).keys()


def test_what_expires_during_a_run_is_no_loss(store: AgentStore, source: str) -> None:
    fill(source, MANY, batches=True)
    soon = "UPDATE store SET expires_at = now() + interval '1 second', ttl_minutes = 1"
    execute(source, f"{soon} WHERE key IN ('00000', '02599')")
    expired = "SELECT count(*) FROM store WHERE expires_at <= now()"

    def wait(_done: int) -> None:
        wait_until(lambda: execute(source, expired) == [(2,)])
        store.sweep_ttl()

    report = store.migrate_from_langgraph_postgres(source, progress=wait)
    assert (report.expired, report.copied, report.compared) == (2, 2598, 2598)


def test_a_page_ends_where_values_become_large(
    store: AgentStore, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "PAGE_BYTES", 100_000)
    small, large = 600, 300
    texts = ["x"] * small + ["x" * 5000] * large
    ops = [PutOp(NOTES, f"{n:03}", {"text": text}) for n, text in enumerate(texts)]
    fill(source, ops, batches=True)
    done = [0]
    store.migrate_from_langgraph_postgres(source, progress=done.append)
    pages = [texts[first:last] for first, last in itertools.pairwise(done)]
    # What is read at once goes on a little beyond.
    assert max(sum(map(len, page)) for page in pages) <= 100_000 + 100 * 5000


def test_a_reader_of_vectors_is_not_waited_for(
    postgres_dsn: str, schema_name: str, source: str
) -> None:
    fill(source, MANY[:LARGE], index=index(), batches=True)
    # As behind PgBouncer: no session says how long a lock is waited for.
    pool = {"session_settings": {}, "command_timeout_s": 5}
    with (
        AgentStore(postgres_dsn, schema=schema_name, index=index(), pool=pool) as store,
        psycopg.connect(postgres_dsn) as reader,
    ):
        reader.execute(f"SELECT FROM {schema_name}.item_vector_1")
        assert store.migrate_from_langgraph_postgres(source).vectors == LARGE


# Interrupted

_MIGRATE = """
import sys
from langgraph_agentstore import AgentStore
from tests.support.official import index
dsn, schema, source = sys.argv[1:]
def tell(done):
    print(done, flush=True)
    sys.stdin.readline()
with AgentStore(dsn, schema=schema, index=index()) as store:
    store.migrate_from_langgraph_postgres(source, progress=tell)
"""


@pytest.mark.slow
def test_a_run_killed_half_way_is_taken_up_by_the_next(
    postgres_dsn: str, schema_name: str, source: str
) -> None:
    fill(source, MANY, index=index(), batches=True)
    process = start_script(_MIGRATE, postgres_dsn, schema_name, source)
    assert process.stdin is not None
    assert process.stdout is not None
    while int(process.stdout.readline()) < len(MANY) - FEW_LEFT:
        process.stdin.write("on\n")
        process.stdin.flush()
    kill(process.pid)
    process.communicate()

    # It took it away, to make it at its end.
    assert valid_indexes(postgres_dsn, schema_name) == 0
    embedder = index()["embed"]
    # Without `with`, which would make it.
    store = AgentStore(postgres_dsn, schema=schema_name, index=index(embed=embedder))
    before = store.count()
    assert len(MANY) - FEW_LEFT <= before < len(MANY)
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.present, report.copied) == (before, len(MANY) - before)
    assert report.vectors == len(MANY) - before
    assert valid_indexes(postgres_dsn, schema_name) == 1
    assert here(store) == there(source)
    hits = store.search((), query="2599", limit=1)
    assert hits[0].key == "02599"
    assert embedder.texts == ["2599"]
    store.close()


def test_a_run_that_ended_before_its_index_was_made_is_taken_up_by_the_next(
    postgres_dsn: str, schema_name: str, source: str
) -> None:
    fill(source, MANY[:LARGE], index=index(), batches=True)

    def stop(done: int) -> None:
        if done == LARGE:
            raise KeyboardInterrupt

    for progress in (stop, None):
        # Without `with`, which would make it.
        store = AgentStore(postgres_dsn, schema=schema_name, index=index())
        if progress is not None:
            store.setup()
            with pytest.raises(KeyboardInterrupt):
                store.migrate_from_langgraph_postgres(source, progress=progress)
            assert valid_indexes(postgres_dsn, schema_name) == 0
        else:
            assert store.migrate_from_langgraph_postgres(source).present == LARGE
            assert valid_indexes(postgres_dsn, schema_name) == 1
        store.close()


async def test_a_cancelled_run_stops_and_leaves_nothing_open(
    store: AgentStore, source: str
) -> None:
    fill(source, MANY, batches=True)
    reached = asyncio.Event()
    run = asyncio.create_task(
        store.amigrate_from_langgraph_postgres(source, progress=lambda _: reached.set())
    )
    await reached.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await asyncio.to_thread(snapshots, source) == 0
    count = await store.acount()
    assert 0 < count < len(MANY)
    report = await store.amigrate_from_langgraph_postgres(source)
    assert (report.present, report.copied) == (count, len(MANY) - count)


def test_ctrl_c_stops_and_leaves_nothing_open(store: AgentStore, source: str) -> None:
    fill(source, MANY, batches=True)

    def press(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.migrate_from_langgraph_postgres(source, progress=press)
    assert snapshots(source) == 0
    assert store.migrate_from_langgraph_postgres(source).compared == len(MANY)


async def test_a_locked_item_here_is_waited_for(
    store: AgentStore, source: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(source, FEW)
    await store.amigrate_from_langgraph_postgres(source)
    execute(source, "UPDATE store SET updated_at = now()")
    with locked_rows(postgres_dsn, schema_name, "3"):
        run = asyncio.create_task(store.amigrate_from_langgraph_postgres(source))
        # More than twice the time after which the server gives a lock up.
        done, _ = await asyncio.wait([run], timeout=0.3)
        assert not done
    assert (await run).copied == 5


def test_a_source_that_goes_away_is_named_and_the_next_run_goes_on(
    store: AgentStore, source: str
) -> None:
    fill(source, MANY, batches=True)

    def cut(_done: int) -> None:
        assert terminate_backends(source) == 1

    with pytest.raises(StoreUnavailableError, match=r"which is read, was lost; run .* again"):
        store.migrate_from_langgraph_postgres(source, progress=cut)
    assert store.migrate_from_langgraph_postgres(source).compared == len(MANY)


def test_what_is_removed_here_before_the_end_is_noticed(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    with pytest.raises(CopyMismatchError, match=r"key '3' in \('users', 'ann', 'notes'\)"):
        store.migrate_from_langgraph_postgres(source, progress=lambda _: store.delete(NOTES, "3"))


# Refused


DEEP: dict[str, Any] = {}
for _ in range(250):
    DEEP = {"in": DEEP}


@pytest.mark.parametrize(
    ("op", "error", "reason"),
    [
        (PutOp(NOTES, "", {}), InvalidKeyError, "non-empty"),
        (PutOp(NOTES, "k" * 5000, {}), InvalidKeyError, "use a hash"),
        (PutOp(NOTES, "deep", DEEP), InvalidValueError, "200 levels"),
        (PutOp(NOTES, "digits", {"n": 2**70 + 1}), InvalidValueError, "beyond 64 bits"),
        (PutOp(NOTES, "large", {"t": "x" * 2**24}), ValueTooLargeError, "max_value_bytes"),
    ],
)
def test_what_this_store_does_not_take_is_named_or_left_out(
    store: AgentStore, source: str, op: PutOp, error: type[Exception], reason: str
) -> None:
    fill(source, [*FEW, op])
    with pytest.raises(error, match=rf"(?s)key {op.key!r} in .*{reason}.*skip_refused=True"):
        store.migrate_from_langgraph_postgres(source)
    assert store.count() == 0

    report = store.migrate_from_langgraph_postgres(source, skip_refused=True)
    assert (report.refused, report.copied, report.compared) == (1, 5, 5)
    assert report.refusals[0].namespace == NOTES
    assert report.refusals[0].key == op.key
    assert reason in report.refusals[0].reason
    assert f"refused: {op.key!r}" in str(report)


def test_an_empty_label_below_a_user_is_not_taken_for_the_users_root(
    store: AgentStore, source: str
) -> None:
    # What an earlier release took in `batch()`, which did not look at labels.
    fill(source, [PutOp(("users", "ann"), "k", {"n": 1}), PutOp(("users", "bob"), "k", {})])
    execute(source, "UPDATE store SET prefix = 'users.ann.' WHERE prefix = 'users.bob'")
    with pytest.raises(InvalidNamespaceError, match=r"\('users', 'ann', ''\).*empty label"):
        store.migrate_from_langgraph_postgres(source)
    report = store.migrate_from_langgraph_postgres(source, skip_refused=True)
    assert (report.refused, report.copied) == (1, 1)
    item = store.get(("users", "ann"), "k")
    assert item is not None
    assert item.value == {"n": 1}


# What is not as it should be there


@pytest.fixture
def reader(source: str, schema_name: str) -> Iterator[str]:
    """A role that may connect to the source, and no more."""
    role = f"reader_{schema_name}"
    execute(source, "CREATE ROLE {} LOGIN", role)
    yield role
    execute(source, "DROP OWNED BY {}", role)
    execute(source, "DROP ROLE {}", role)


def test_a_role_that_may_only_select_suffices(store: AgentStore, source: str, reader: str) -> None:
    fill(source, FEW, index=index())
    execute(source, "GRANT SELECT ON store, store_vectors TO {}", reader)
    assert store.migrate_from_langgraph_postgres(dsn_of(source, user=reader)).copied == 5


def test_a_role_that_may_not_select_is_told_what_to_grant(
    store: AgentStore, source: str, reader: str
) -> None:
    fill(source, FEW, index=index())
    execute(source, "GRANT SELECT ON store TO {}", reader)
    with pytest.raises(DatabaseError, match=r'GRANT SELECT ON "public".store_vectors') as caught:
        store.migrate_from_langgraph_postgres(dsn_of(source, user=reader))
    assert caught.value.sqlstate == "42501"


def test_a_database_that_never_held_the_official_store_is_refused(
    store: AgentStore, source: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"has no table store.*setup\(\)"):
        store.migrate_from_langgraph_postgres(source)
    assert snapshots(source) == 0


def test_tables_in_another_schema_are_named(store: AgentStore, source: str) -> None:
    execute(source, "CREATE SCHEMA lang")
    elsewhere = f"{source}&options=-csearch_path%3Dlang,public"
    fill(elsewhere, FEW, index=index())
    with pytest.raises(ConfigurationError, match="schema='lang'"):
        store.migrate_from_langgraph_postgres(source)
    assert store.migrate_from_langgraph_postgres(source, schema="lang").copied == 5


def test_a_schema_may_have_any_name(store: AgentStore, source: str) -> None:
    odd = "we\"ird'; DROP TABLE store; -- {} $1"
    fill(source, FEW, index=index())
    execute(source, "CREATE SCHEMA {}", odd)
    for table in ("store", "store_vectors"):
        execute(source, f"ALTER TABLE {table} SET SCHEMA {{}}", odd)
    assert store.migrate_from_langgraph_postgres(source, schema=odd).copied == 5


@pytest.mark.parametrize("schema", [None, 5, "", "a\x00b", "\ud800", "pg_temp"])
def test_a_schema_that_is_no_name_is_refused(store: AgentStore, schema: Any) -> None:
    with pytest.raises((ConfigurationError, InvalidValueError), match="schema"):
        store.migrate_from_langgraph_postgres("postgresql://nowhere", schema=schema)


def test_a_table_of_that_name_which_is_another_is_refused(store: AgentStore, source: str) -> None:
    execute(source, "CREATE TABLE store (id bigint, value jsonb)")
    with pytest.raises(ConfigurationError, match="lacks the columns created_at, key, prefix"):
        store.migrate_from_langgraph_postgres(source)


def test_tables_of_before_there_were_ttls_are_read(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    execute(source, "ALTER TABLE store DROP COLUMN expires_at, DROP COLUMN ttl_minutes")
    assert store.migrate_from_langgraph_postgres(source).copied == 5


def test_a_source_that_cannot_be_reached_is_told(store: AgentStore, source: str) -> None:
    with pytest.raises(AccessDeniedError, match="nobody"):
        store.migrate_from_langgraph_postgres(dsn_of(source, user="nobody"))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_items(store: AgentStore, source: str) -> None:
    import tracemalloc

    value = {"text": "x" * 2000}
    ops = [PutOp(("users", f"u{n % 50}", "n"), str(n), value) for n in range(25_000)]
    for first in range(0, len(ops), 1000):
        fill(source, ops[first : first + 1000], batches=True)
    tracemalloc.start()
    try:
        report = store.migrate_from_langgraph_postgres(source)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.copied == report.compared == 25_000
    # All values together are fifty million bytes.
    assert peak < 20_000_000


def test_the_report_says_it_all_in_lines(store: AgentStore, source: str) -> None:
    fill(source, FEW)
    report = store.migrate_from_langgraph_postgres(source)
    assert str(report).splitlines()[1:] == [
        "  5 copied, 0 here already, 0 newer here, 0 expired, 0 refused",
        "  0 vectors copied, 0 stale ones left",
        "  5 items compared: all are here",
    ]
    assert abs(report.read_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
