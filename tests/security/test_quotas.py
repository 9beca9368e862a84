"""Quotas: the database keeps each user within limits, exactly, whoever writes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory, remember_conversation
from langgraph_agentstore.errors import ConfigurationError, MissingSchemaError, QuotaExceededError
from langgraph_agentstore.security import Limits, Quotas
from langgraph_agentstore.transfer import export, import_
from tests.conversations.talking import tell
from tests.support.faults import dsn_of, execute, grant_items, let_go, start_script

Opened = Callable[..., AgentStore]


@pytest.fixture
def limited(postgres_dsn: str, schema_name: str) -> Iterator[Opened]:
    """Open a store whose users have these limits."""
    with ExitStack() as stack:

        def open_store(
            namespaces: dict[tuple[str, ...], Limits] | None = None, **limits: int
        ) -> AgentStore:
            per_user = Limits(**limits) if limits else None
            quotas = Quotas(per_user, namespaces or {})
            store = AgentStore(postgres_dsn, schema=schema_name, quotas=quotas)
            return stack.enter_context(store)

        yield open_store


def notes(user: str) -> tuple[str, ...]:
    return ("users", user, "notes")


def counted(dsn: str, schema: str) -> list[tuple[Any, ...]]:
    """What the users have, counted anew; those who have nothing are left out."""
    return execute(
        dsn,
        "SELECT i.user_id, q.namespace, count(*)::bigint, sum(octet_length(i.value::text))::bigint"
        "  FROM {}.item i JOIN {}.quota q"
        "    ON q.namespace IN ('', i.namespace) OR starts_with(i.namespace, q.namespace || ':')"
        " WHERE i.user_id <> '' GROUP BY 1, 2 ORDER BY 1, 2",
        schema,
        schema,
    )


def kept(dsn: str, schema: str) -> list[tuple[Any, ...]]:
    """What the triggers kept, in the form of `counted`."""
    return execute(
        dsn,
        "SELECT user_id, namespace, items, bytes FROM {}.quota_usage WHERE items <> 0 OR bytes <> 0"
        " ORDER BY 1, 2",
        schema,
    )


def test_an_item_beyond_the_limit_is_refused_until_one_is_deleted(limited: Opened) -> None:
    store = limited(items=2)
    for key in ("a", "b"):
        store.put(notes("ada"), key, {"n": 1})
    with pytest.raises(QuotaExceededError, match="2 of 2 items") as caught:
        store.put(notes("ada"), "c", {"n": 1})
    error = caught.value
    assert (error.kind, error.limit, error.usage, error.namespace) == ("items", 2, 2, ())
    store.put(notes("ada"), "a", {"replaced": True})
    store.put(notes("bob"), "c", {"n": 1})
    store.delete(notes("ada"), "b")
    store.put(notes("ada"), "c", {"n": 1})
    assert store.for_user("ada").count() == 2


def test_bytes_beyond_the_limit_are_refused_and_shrinking_is_not(limited: Opened) -> None:
    store = limited(bytes=100)
    store.put(notes("ada"), "a", {"t": "x" * 80})
    with pytest.raises(QuotaExceededError, match="of 100 bytes"):
        store.put(notes("ada"), "b", {"t": "x" * 80})
    with pytest.raises(QuotaExceededError, match="of 100 bytes"):
        store.put(notes("ada"), "a", {"t": "x" * 100})
    store.put(notes("ada"), "a", {"t": "x"})
    store.put(notes("ada"), "b", {"t": "x" * 70})


def test_writes_beyond_the_limit_are_refused_until_the_next_minute(
    limited: Opened, postgres_dsn: str, schema_name: str
) -> None:
    store = limited(writes_per_minute=3)
    ahead = "UPDATE {}.quota_usage SET minute = minute + interval '1 minute'"
    store.put(notes("ada"), "a", {"n": 0})
    execute(postgres_dsn, ahead, schema_name)  # so that no minute ends within this test
    for n in range(2):
        store.put(notes("ada"), "a", {"n": n})
    with pytest.raises(QuotaExceededError, match="next minute") as caught:
        store.put(notes("ada"), "a", {"n": 4})
    assert caught.value.kind == "writes_per_minute"
    store.delete(notes("ada"), "a")
    back = "UPDATE {}.quota_usage SET minute = minute - interval '2 minutes'"
    execute(postgres_dsn, back, schema_name)
    store.put(notes("ada"), "a", {"n": 5})
    assert store.usage("ada")[0].writes == 1


def test_a_namespace_has_limits_of_its_own_with_all_below_it(limited: Opened) -> None:
    store = limited({("notes",): Limits(items=1)}, items=3)
    store.put(("users", "ada", "notes", "tea"), "a", {"n": 1})
    with pytest.raises(QuotaExceededError, match="'notes'") as caught:
        store.put(("users", "ada", "notes"), "b", {"n": 1})
    assert caught.value.namespace == ("notes",)
    for key in ("b", "c"):
        store.put(("users", "ada", "notes2"), key, {"n": 1})
    with pytest.raises(QuotaExceededError):
        store.put(("users", "ada", "notes2"), "d", {"n": 1})
    usage = store.usage("ada")
    assert [(u.namespace, u.items, u.items_limit) for u in usage] == [
        ((), 3, 3),
        (("notes",), 1, 1),
    ]


SURFACES: dict[str, Callable[[AgentStore], Any]] = {
    "put of a new item": lambda s: s.put(notes("ada"), "new", {"n": 1}, expected_version=0),
    "load": lambda store: store.load([(notes("ada"), "new", {"n": 1})]),
    "view": lambda store: store.for_user("ada").put(("notes",), "new", {"n": 1}),
    "record": lambda store: DataStore(store, "ada", None).set("n", 1),
    "counter": lambda store: DataStore(store, "ada", None).increment("n"),
    "turn": lambda store: ConversationMemory(store, "ada").save_turn("q?", "r.", "t"),
}


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_is_limited(limited: Opened, name: str) -> None:
    store = limited(items=1)
    store.put(notes("ada"), "a", {"n": 1})
    with pytest.raises(QuotaExceededError):
        SURFACES[name](store)
    assert store.for_user("ada").count() == 1


def test_an_import_is_limited(limited: Opened, store: AgentStore, tmp_path: Path) -> None:
    for n in range(3):
        store.put(notes("ada"), f"n{n}", {"n": n})
    export(store, tmp_path / "all.jsonl")
    store.delete_user("ada")
    with pytest.raises(QuotaExceededError):
        import_(limited(items=2), tmp_path / "all.jsonl")


def test_a_refused_write_does_not_fail_the_others_of_its_batch(
    limited: Opened, postgres_dsn: str, schema_name: str
) -> None:
    store = limited(items=100)

    async def put_all() -> list[object]:
        puts = [
            store.aput(notes(user), f"n{n}", {"n": n}) for n in range(150) for user in ("ada", "b")
        ]
        return await asyncio.gather(*puts, return_exceptions=True)

    outcomes = asyncio.run(put_all())
    assert sum(outcome is None for outcome in outcomes) == 200
    assert sum(isinstance(outcome, QuotaExceededError) for outcome in outcomes) == 100
    assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)


def test_expired_items_are_not_held_against_the_user(
    limited: Opened, postgres_dsn: str, schema_name: str
) -> None:
    store = limited(items=2, bytes=40)
    for key in ("a", "b"):
        store.put(notes("ada"), key, {"t": "x" * 10}, ttl=5)
    expire = "UPDATE {}.item SET expires_at = now() - interval '1 minute'"
    execute(postgres_dsn, expire, schema_name)
    for key in ("c", "d"):
        store.put(notes("ada"), key, {"t": "x" * 10})
    with pytest.raises(QuotaExceededError) as caught:
        store.put(notes("ada"), "e", {"n": 1})
    assert caught.value.usage == 2
    assert store.usage("ada")[0].items == 4
    assert store.sweep_ttl() == 2
    assert store.usage("ada")[0].items == 2


def test_items_that_were_there_before_are_counted(
    limited: Opened, store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.load([(notes(user), f"n{n}", {"n": n}) for n in range(5) for user in ("ada", "bob")])
    store.put(("shared",), "a", {"n": 1})
    opened = limited(items=6)
    assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)
    assert store.usage("ada")[0].items == 5
    store.put(notes("ada"), "more", {"n": 1})
    with pytest.raises(QuotaExceededError):
        store.put(notes("ada"), "more still", {"n": 1})  # a store without the option obeys
    opened = limited({("notes",): Limits(bytes=10_000)}, items=7)
    assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)
    opened.put(notes("ada"), "more still", {"n": 1})


def test_quotas_end_when_a_store_says_so(limited: Opened, store: AgentStore) -> None:
    limited(items=1)
    store.put(notes("ada"), "a", {"n": 1})
    limited()
    store.put(notes("ada"), "b", {"n": 1})
    assert store.usage("ada") == []


def test_the_shared_space_is_not_limited(limited: Opened) -> None:
    store = limited(items=1)
    for n in range(3):
        store.put(("shared",), f"n{n}", {"n": n})
    assert store.count() == 3


def test_a_store_that_nobody_limits_has_no_trigger(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    store.put(notes("ada"), "a", {"n": 1})
    triggers = (
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = %(item)s::regclass AND NOT tgisinternal"
    )
    assert execute(postgres_dsn, triggers, item=f"{schema_name}.item") == [(0,)]
    assert store.usage("ada") == []


def test_touches_are_no_writes(limited: Opened, postgres_dsn: str, schema_name: str) -> None:
    """A moved expiry, and a value sealed anew: versions stay."""
    store = limited(writes_per_minute=1, bytes=20)
    store.put(notes("ada"), "a", {"n": 1}, ttl=5)
    touch = "UPDATE {}.item SET expires_at = now() + interval '1 minute', value = %(value)s::jsonb"
    execute(postgres_dsn, touch, schema_name, value='{"longer": "than the limit allows"}')
    [usage] = store.usage("ada")
    assert (usage.writes, usage.bytes) == (1, len('{"longer": "than the limit allows"}'))


def test_random_changes_are_counted_as_if_counted_anew(
    limited: Opened, postgres_dsn: str, schema_name: str
) -> None:
    chance = random.Random(5)
    store = limited({("a",): Limits(), ("a", "b"): Limits()}, items=10**6)
    places = [("a",), ("a", "b"), ("ab",), ("c",)]
    for _ in range(40):
        user = chance.choice(["ada", "bob", "cid"])
        items = [
            (("users", user, *chance.choice(places)), f"k{chance.randrange(6)}") for _ in range(5)
        ]
        kind = chance.randrange(6)
        if kind == 0:
            store.load([(*item, {"t": "x" * chance.randrange(3000)}) for item in set(items)])
        elif kind == 1:
            for namespace, key in items:
                store.delete(namespace, key)
        elif kind == 2:
            store.delete_namespace(("users", user, *chance.choice(places)))
        elif kind == 3:
            store.update(*items[0], lambda old: {**(old or {}), "é": chance.random()})
        elif kind == 4:
            DataStore(store, user, None, "c").append("list", "y" * chance.randrange(50))
        else:
            for namespace, key in items:
                store.put(namespace, key, {"t": "x" * chance.randrange(50)}, ttl=5)
        assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)
    store.delete_user("ada")
    assert store.usage("ada")[0].items == 0
    store.erase_user("bob")
    assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)


_WRITER = """
import asyncio, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import QuotaExceededError
store = AgentStore(sys.argv[1], schema=sys.argv[2])
who = sys.argv[3]
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    done = 0
    for n in range(6):
        outcomes = await asyncio.gather(
            *[store.aput(("users", user, "notes"), key, {"n": n}) for m in range(40)
              for key in [f"{who}-{n}-{m}" if m % 3 else f"both-{m}"] for user in ("ada", "bob")],
            *[store.adelete(("users", "bob", "notes"), f"both-{m}") for m in range(0, 40, 6)],
            return_exceptions=True,
        )
        wrong = [o for o in outcomes if o is not None and not isinstance(o, QuotaExceededError)]
        assert not wrong, wrong
asyncio.run(main())
store.close()
"""


def test_limits_are_exact_while_several_processes_write(
    limited: Opened, postgres_dsn: str, schema_name: str
) -> None:
    store = limited(items=100)
    processes = [start_script(_WRITER, postgres_dsn, schema_name, f"p{n}") for n in range(3)]
    let_go(processes)
    for process in processes:
        _, complaints = process.communicate(timeout=120)
        assert (process.returncode, complaints) == (0, "")
    assert store.for_user("ada").count() == 100
    assert store.for_user("bob").count() <= 100
    assert kept(postgres_dsn, schema_name) == counted(postgres_dsn, schema_name)


def test_a_background_saver_gives_up_turns_beyond_the_limit(limited: Opened) -> None:
    store = limited(items=1)
    remember = remember_conversation(store, user_id="ada")
    for n in range(3):
        tell(remember, f"t{n}", f"question {n}?", "ada")
    assert remember.flush(20)
    assert (remember.stats().saved, remember.stats().lost) == (1, 2)


def test_a_role_without_the_rights_is_told_to_ask_the_owner(
    fresh_database: str, schema_name: str
) -> None:
    role = f"role_{schema_name}"
    AgentStore(fresh_database).setup()
    execute(fresh_database, "CREATE ROLE {} LOGIN", role)
    grant_items(fresh_database, role)
    dsn, quotas = dsn_of(fresh_database, user=role), Quotas(Limits(items=1))
    with pytest.raises(MissingSchemaError, match="triggers"):
        AgentStore(dsn, quotas=quotas).setup()
    AgentStore(fresh_database, quotas=quotas).setup()
    execute(fresh_database, "REVOKE ALL ON agentstore.quota_usage FROM {}", role)
    with AgentStore(dsn, quotas=quotas) as store:
        store.put(notes("ada"), "a", {"n": 1})
        with pytest.raises(QuotaExceededError):
            store.put(notes("ada"), "b", {"n": 1})
    execute(fresh_database, "DROP OWNED BY {}", role)
    execute(fresh_database, "DROP ROLE {}", role)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Limits(items=-1), "items"),
        (lambda: Limits(bytes=1.5), "bytes"),  # type: ignore[arg-type]
        (lambda: Limits(writes_per_minute=True), "writes_per_minute"),
        (lambda: Quotas({"items": 1}), "per_user"),  # type: ignore[arg-type]
        (lambda: Quotas(namespaces={("a",): 5}), "namespaces"),  # type: ignore[dict-item]
        (lambda: AgentStore("postgresql:///x", quotas=5), "quotas"),  # type: ignore[arg-type]
        (lambda: AgentStore("postgresql:///x", retention=5), "retention"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_option_is_refused(make: Callable[[], Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        make()
