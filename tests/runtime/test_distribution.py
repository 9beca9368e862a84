"""`setup(distribute=True)`, against a stand-in for Citus that notes what it is asked to do.

The stand-in has the catalogue and the functions of Citus, and leaves the rows where they are. So it
shows in which order tables are distributed, and that a store then writes its SQL for several nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.config.history_options import History
from langgraph_agentstore.config.quota_options import Limits, Quotas
from langgraph_agentstore.errors import ConfigurationError, DistributedError
from tests.support.servers import TestServer, create_database, drop_database

STAND_IN = """
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (
    logicalrelid regclass, partmethod "char", asked text, nth serial);
CREATE TABLE pg_catalog.pg_dist_shard (shardid bigint);
CREATE TABLE pg_catalog.emptied (name text);
CREATE TABLE pg_catalog.pg_dist_local_group (groupid integer);
INSERT INTO pg_catalog.pg_dist_local_group VALUES (0);
CREATE FUNCTION pg_catalog.create_distributed_table(
    _table regclass, _column text, colocate_with text) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_catalog.pg_dist_partition VALUES (_table, 'h', colocate_with) $$;
CREATE FUNCTION pg_catalog.create_reference_table(_table regclass) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_catalog.pg_dist_partition VALUES (_table, 'n', '') $$;
"""

STAND_IN += """
CREATE FUNCTION pg_catalog.truncate_local_data_after_distributing_table(_table regclass)
RETURNS void LANGUAGE sql AS $$
INSERT INTO pg_catalog.emptied SELECT relname FROM pg_catalog.pg_class
 WHERE oid = _table AND oid IN (SELECT logicalrelid FROM pg_catalog.pg_dist_partition) $$;
"""

INDEX = {"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts], "mode": "hybrid"}


@pytest.fixture(scope="module")
def cluster(embedded_server: TestServer) -> Iterator[str]:
    dsn = create_database(embedded_server.dsn, "nodes")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(STAND_IN)
    yield dsn
    drop_database(embedded_server.dsn, dsn)


def asked(dsn: str, schema: str) -> dict[str, tuple[str, str]]:
    """Return how each table of a schema was distributed, in the order in which it was."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT c.relname, p.partmethod::text, p.asked FROM pg_catalog.pg_dist_partition p "
            "JOIN pg_class c ON c.oid = p.logicalrelid WHERE c.relnamespace = %s::regnamespace "
            "ORDER BY p.nth",
            (schema,),
        ).fetchall()
    assert len({name for name, *_ in rows}) == len(rows), "a table was distributed twice"
    return {name: (method, together) for name, method, together in rows}


def test_tables_with_users_go_to_their_nodes_and_others_to_all(cluster: str) -> None:
    with AgentStore(cluster, schema="one", index=INDEX) as store:
        store.put(("users", "ada"), "k", {"text": "a cat"})
        store.setup(distribute=True)
        store.setup(distribute=True)
        assert store.get(("users", "ada"), "k") is not None
        assert store.search(("users", "ada"), query="cat")[0].key == "k"
    found = asked(cluster, "one")
    assert [*found][:2] == ["item", "item_vector_1"]
    assert found["item"] == ("h", "none")
    beside = {name for name, how in found.items() if how == ("h", '"one".item')}
    assert {"item_access", "item_lock", "watch", "change", "item_vector_1"} <= beside
    copied = {name for name, (method, _) in found.items() if method == "n"}
    assert {"migration", "vector_set", "share", "legal_hold", "quota", "erased_user"} <= copied
    with psycopg.connect(cluster) as connection:
        keys = connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' "
            "AND confrelid = '\"one\".item'::regclass"
        ).fetchall()
        emptied = connection.execute("SELECT DISTINCT name FROM pg_catalog.emptied").fetchall()
    assert keys == [("item_vector_1_user_id_namespace_key_fkey",)]
    assert {("item",), ("item_vector_1",)} <= set(emptied)  # rows stay behind where they moved from


def test_parts_of_tables_in_the_same_schema_are_no_tables(cluster: str) -> None:
    with AgentStore(cluster, schema="parts") as store:
        store.setup(distribute=True)
        with psycopg.connect(cluster, autocommit=True) as connection:
            connection.execute("INSERT INTO pg_catalog.pg_dist_shard VALUES (102008)")
            connection.execute("CREATE TABLE parts.item_102008 (user_id text)")
        store.setup(distribute=True)
    assert "item_102008" not in asked(cluster, "parts")


def test_citus_can_distribute_every_table_with_users(cluster: str) -> None:
    """Unique indexes have the user, and users of all tables compare alike."""
    with AgentStore(cluster, schema="fit", index=INDEX) as store:
        store.setup(distribute=True)
    with psycopg.connect(cluster) as connection:
        unfit = connection.execute(
            """
            SELECT i.indexrelid::regclass::text
              FROM pg_dist_partition p
              JOIN pg_class c ON c.oid = p.logicalrelid
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id'
              LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
             WHERE p.partmethod = 'h' AND c.relnamespace = 'fit'::regnamespace
               AND (a.attnum <> ALL (i.indkey) OR a.attcollation <> '"C"'::regcollation
                    OR a.atttypid <> 'text'::regtype OR NOT a.attnotnull)
            """
        ).fetchall()
    assert unfit == []


def test_a_script_does_the_same_for_a_role_with_more_rights(cluster: str) -> None:
    store = AgentStore(cluster, schema="by_hand")
    script = store.setup_sql(distribute=True).encode()
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(script)
        connection.execute(script)
    by_hand = asked(cluster, "by_hand")
    with store:
        store.setup(distribute=True)
        assert store.planner.context.distributed
    assert asked(cluster, "by_hand") == by_hand
    assert by_hand["item"] == ("h", "none")
    assert by_hand["migration"][0] == "n"


def test_standbys_need_one_server(cluster: str) -> None:
    with AgentStore(cluster, schema="standbys") as store:
        store.setup(distribute=True)
    with pytest.raises(DistributedError, match="read_dsn= reads from standbys"):
        AgentStore(cluster, schema="standbys", read_dsn=cluster).setup()


def test_a_store_that_opens_finds_out_and_distributes_what_is_new(cluster: str) -> None:
    with AgentStore(cluster, schema="two") as store:
        store.setup(distribute=True)
    with AgentStore(cluster, schema="two", index=INDEX) as store:
        # Planned before the store is open, when nobody knows what kind of server it is.
        assert store.delete_namespace(("users", "ada")) == 0
        store.put(("users", "ada"), "k", {"text": "a cat"})
        assert store.search(("users", "ada"), query="cat")[0].key == "k"
        with pytest.raises(DistributedError, match="search one user"):
            store.search((), query="cat")
        assert store.planner.context.distributed is True
    assert asked(cluster, "two")["item_vector_1"] == ("h", '"two".item')


def test_nothing_is_distributed_at_a_worker(cluster: str) -> None:
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute("UPDATE pg_catalog.pg_dist_local_group SET groupid = 7")
        try:
            with (
                AgentStore(cluster, schema="three") as store,
                pytest.raises(ConfigurationError, match="asked of a worker"),
            ):
                store.setup(distribute=True)
        finally:
            connection.execute("UPDATE pg_catalog.pg_dist_local_group SET groupid = 0")
    assert asked(cluster, "three") == {}


def test_a_server_without_citus_is_told_what_it_lacks(postgres_dsn: str, schema_name: str) -> None:
    with (
        AgentStore(postgres_dsn, schema=schema_name) as store,
        pytest.raises(ConfigurationError, match="needs the extension citus"),
    ):
        store.setup(distribute=True)


def test_controls_that_work_by_triggers_are_refused(cluster: str) -> None:
    with (
        AgentStore(cluster, schema="four", quotas=Quotas(Limits(items=3))) as store,
        pytest.raises(DistributedError, match="quotas= works by triggers"),
    ):
        store.setup(distribute=True)
    with (
        AgentStore(cluster, schema="four") as store,
        pytest.raises(DistributedError, match=r"item\.\w+"),
    ):
        store.setup(distribute=True)
    assert asked(cluster, "four") == {}
    with AgentStore(cluster, schema="five") as store:
        store.setup(distribute=True)
        with pytest.raises(DistributedError, match="delete_user"):
            store.erase_user("ada")
        with pytest.raises(DistributedError, match="holds"):
            store.hold(user_id="ada", reason="a case")
        with pytest.raises(DistributedError, match="reads one server"):
            store.share(("users", "ada", "n"), "bob")
    with pytest.raises(DistributedError, match="history= works by triggers"):
        AgentStore(cluster, schema="five", history=History()).setup()


def test_what_is_shared_keeps_the_tables_together(cluster: str) -> None:
    with AgentStore(cluster, schema="shared") as store:
        store.put(("users", "ada", "n"), "k", {})
        store.share(("users", "ada", "n"), "bob")
        with pytest.raises(DistributedError, match="revoke"):
            store.setup(distribute=True)
        assert store.revoke(("users", "ada", "n"), "bob")
        store.setup(distribute=True)
        assert store.for_user("ada").get(("n",), "k") is not None
        with pytest.raises(DistributedError, match="reads one server"):
            store.revoke(("users", "ada", "n"), "bob")


def test_tables_under_row_level_security_stay(cluster: str) -> None:
    with AgentStore(cluster, schema="six") as store:
        store.setup(row_security=True)
        with pytest.raises(DistributedError, match="row level security"):
            store.setup(distribute=True)
