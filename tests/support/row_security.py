"""`pytest --row-security`: the tests of the store and the facades, under row level security.

Stores are opened with the role of an application. Whenever one is opened, the owner sets up its
schema first, with row level security, as the owner of a real database does once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import psycopg
import pytest
from langgraph.store.base import Item

from langgraph_agentstore import AgentStore
from langgraph_agentstore.config.store_options import PoolConfig, find_source
from langgraph_agentstore.runtime import engine, opening
from langgraph_agentstore.runtime.jobs.indexes import have_approximate_index
from langgraph_agentstore.runtime.jobs.row_security import row_security_job
from tests.support.faults import dsn_of, execute
from tests.support.servers import create_database, drop_database

ROLE = "the_application"

FOR_THE_OWNER: dict[str, tuple[str, ...]] = {
    "what it tests shows all users": (
        "test_a_query_gives_the_best_first_with_scores",
        "test_a_sample_has_items_of_the_store",
        "test_a_sample_of_many_items_is_complete",
        "test_a_server_that_takes_no_writes_serves_reads",
        "test_a_view_a_filter_and_a_limit_narrow_it",
        "test_awaited_forms_return_the_same",
        "test_sql_cannot_write",
        "test_sql_runs_with_the_tables_of_the_store",
        "test_sql_that_was_cut_says_so",
        "test_the_widget_",
        "test_users_are_listed_with_what_each_has",
        "tests/data_store/test_administration.py",
        "tests/data_store/test_display_on_postgres.py",
        "tests/store/test_newest_of_all_users.py",
    ),
    "it compares the whole store with a model": (
        "tests/store/test_properties.py",
        "test_a_listing_to_a_depth_keeps_labels_that_are_empty",
        "test_it_does_what_a_dictionary_does",
        "test_removing_all_of_one_namespace_touches_nothing_that_reads_alike",
        "test_what_data_store_sets_is_found_by_langgraph_in_every_namespace",
    ),
    "it writes for several nodes, where row level security is not to be had": (
        "tests/data_store/test_compared_records.py",
    ),
    "only the owner may renew the server's statistics": (
        "test_the_server_learns_that_many_items_were_listed",
    ),
    "it sweeps": (
        "test_a_sweep_removes_what_dead_holders_left",
        "test_whoever_writes_is_heard",
    ),
    "it moves a whole store": (
        "test_a_users_part_arrives_in_another_store",
        "test_a_whole_store_arrives_in_another",
        "test_an_export_of_a_user_who_has_nothing_says_so",
        "test_an_import_refuses_it",
        "test_copied_or_saved_again_they_have_them_too",
        "test_everything_is_told_in_the_order_of_time_and_whose_it_is",
        "test_labels_that_other_code_wrote_are_that_users",
        "test_memories_move_with_their_user",
        "test_nothing_of_an_import_is_written_if_one_record_is_too_large",
        "test_one_user_or_one_namespace_is_exported_alone",
        "test_so_do_those_of_an_export",
        "test_what_cannot_be_carried_is_refused_before_anything_is_written",
        "test_what_the_first_release_wrote_is_read",
    ),
    "it embeds everything anew": (
        "test_reindexed_they_have_the_words_labels_and_vectors_of_new_turns",
    ),
    "another process may open the store first, and no owner sets it up there": (
        "test_a_thousand_users_in_eight_processes_never_meet",
        "test_processes_that_start_at_once_on_an_empty_database_all_write",
        "test_users_and_threads_never_mix",
        "tests/data_store/recipes/",
    ),
    "it says the name of the owner's role": (
        "test_a_whole_dsn_may_stand_in_the_place_of_the_host",
    ),
}
"""Tests that are by nature for the owner: why, and parts of their node ids."""

BY_OTHER_PROCESSES = (
    "test_a_new_thread_in_a_new_process_resumes_the_talk_oldest_first",
    "test_another_process_in_another_thread_knows_what_one_was_told",
    "test_what_is_resumed_fits_a_budget_of_tokens",
)
"""Tests of which only other processes open the store: the owner sets up its schema before."""


_dsn_of_the_owner: list[str] = []
"""The DSN of the tables' owner, while stores are opened with the application's role."""


def create_role(owner_dsn: str) -> str:
    """Create the application's role unless it is there; return its DSN of this database."""
    # Several workers may create it at the same moment.
    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        execute(owner_dsn, "CREATE ROLE {} LOGIN", ROLE)
    return dsn_of(owner_dsn, user=ROLE)


def set_up(schema: str) -> None:
    """Set up a schema as the owner, for other processes that will open it."""
    with AgentStore(_dsn_of_the_owner[0], schema=schema) as store:
        store.setup(row_security=True, application_role=ROLE)


def is_opened_elsewhere(node_id: str) -> bool:
    """Return whether other processes open the test's store, which cannot be set up there."""
    return any(name in node_id for name in BY_OTHER_PROCESSES)


def items_of_all(store: AgentStore) -> list[Item]:
    """Return all items, by their tuples; under `--row-security`, as the owner sees them."""
    config = store._config
    if f"{ROLE}@" not in config.source.shown:
        return list(store.iter_items())
    with AgentStore(_dsn_of_the_owner[0], schema=config.schema) as owners:
        return list(owners.iter_items())


@contextmanager
def set_up_by(owner_dsn: str) -> Iterator[None]:
    """Let the owner set up the schema of each store that the application opens."""
    opened, protected = opening.open_session, set[str]()

    async def open_session(config: Any, context: Any, observer: Any) -> Any:
        if f"{ROLE}@" in config.source.shown:
            owners = replace(config, source=find_source(owner_dsn), pool=PoolConfig(), ttl=None)
            session = await opened(owners, context, observer)
            try:
                if config.schema not in protected:
                    await row_security_job(True, ROLE).run(session)
                    protected.add(config.schema)
                await have_approximate_index(session)
            finally:
                await session.finish()
        return await opened(config, context, observer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "open_session", open_session)
        # What a test looks at in the tables, past the store, it looks at as the owner.
        for driver in (psycopg, asyncpg):
            patch.setattr(driver, "connect", as_owner(driver.connect, owner_dsn))
        patch.setattr(f"{__name__}._dsn_of_the_owner", [owner_dsn])
        yield


def as_owner(connect: Callable[..., Any], owner_dsn: str) -> Callable[..., Any]:
    """Return `connect` with the owner's DSN in place of the application's."""
    applications = dsn_of(owner_dsn, user=ROLE)

    def connect_as_owner(*dsn: Any, **options: Any) -> Any:
        return connect(*[owner_dsn if d == applications else d for d in dsn], **options)

    return connect_as_owner


@contextmanager
def protected_database(server_dsn: str, **options: Any) -> Iterator[tuple[str, str]]:
    """Make a database with row level security; yield the DSNs of its owner and of a role."""
    dsn, role = create_database(server_dsn), f"role_{uuid4().hex[:12]}"
    execute(dsn, "CREATE ROLE {} LOGIN", role)
    with AgentStore(dsn, **options) as owner:
        owner.setup(row_security=True, application_role=role)
    yield dsn, dsn_of(dsn, user=role)
    execute(dsn, "DROP OWNED BY {}", role)
    drop_database(server_dsn, dsn)
    execute(server_dsn, "DROP ROLE {}", role)


def reason_for_the_owner(node_id: str) -> str | None:
    """Return why a test needs the owner's rights; None if it does not."""
    for why, parts in FOR_THE_OWNER.items():
        if any(part in node_id for part in parts):
            return why
    return None
