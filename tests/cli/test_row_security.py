"""The command on a store whose rows the database keeps apart: as owner, as application."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.commands import agentstore
from tests.support.faults import dsn_of, execute


@pytest.fixture
def roles(filled: str) -> Iterator[tuple[str, str]]:
    """The DSN of the tables' owner, no superuser, and that of the application."""
    owner, application = (f"{kind}_{uuid4().hex[:10]}" for kind in ("owner", "app"))
    for role in (owner, application):
        execute(filled, "CREATE ROLE {} LOGIN", role)
    execute(filled, "ALTER SCHEMA agentstore OWNER TO {}", owner)
    owned = (
        "SELECT format('TABLE agentstore.%I', relname) FROM pg_class"
        " WHERE relnamespace = 'agentstore'::regnamespace AND relkind IN ('r', 'v')"
        " UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p"
        " WHERE p.pronamespace = 'agentstore'::regnamespace"
    )
    for (name,) in execute(filled, owned):
        execute(filled, f"ALTER {name} OWNER TO {{}}", owner)
    yield dsn_of(filled, user=owner), dsn_of(filled, user=application)
    for role in (owner, application):
        execute(filled, "DROP OWNED BY {} CASCADE", role)
        execute(filled, "DROP ROLE {}", role)


@pytest.mark.slow
def test_the_owner_sees_all_users_and_the_application_those_it_names(
    roles: tuple[str, str],
) -> None:
    owner, application = roles
    role = application.split("//")[1].split("@")[0]
    done = agentstore("setup", "--row-security", "--application-role", role, dsn=owner)
    assert done.status == 0, done.err
    assert [row["user"] for row in agentstore("users", dsn=owner).rows] == [
        *("", "ada", "bob@example.com"),
    ]
    assert len(agentstore("ls", "-r", dsn=owner).rows) == 6
    problems = [row for row in agentstore("doctor", dsn=owner).rows if row["level"] == "problem"]
    assert problems == []

    [row] = agentstore("count", "users/ada", dsn=application).rows
    assert row["items"] == 4
    rows = agentstore("ls", "users/ada/notes", dsn=application).rows
    assert [row["key"] for row in rows if "key" in row] == ["n0", "n1", "n2"]
    assert agentstore("put", "users/ada/notes", "new", "{}", dsn=application).status == 0
    assert agentstore("get", "users/ada/notes", "new", dsn=application).status == 0
    removed = agentstore("rm", "users/ada/notes", "new", "--yes", dsn=application)
    assert removed.err == ""
    moving = ("mv", "users/ada/notes", "users/eve/n", "--yes")
    for arguments in (("users",), moving):
        refused = agentstore(*arguments, dsn=application)
        assert (refused.status, "with the DSN of the tables' owner" in refused.err) == (4, True)
    assert agentstore(*moving, dsn=owner).rows[0]["items"] == 4
    gone = agentstore("rm", "-r", "users/eve", "--yes", dsn=application)
    assert gone.rows[0]["removed"] == 4
    assert agentstore("doctor", dsn=application).status == 0
    assert removed.rows[0]["removed"] == 1
