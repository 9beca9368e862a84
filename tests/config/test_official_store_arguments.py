"""A database and a pool in the official store's words, read without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from langgraph_agentstore.config.official_store_arguments import dsn_of_connection, pool_of_official
from langgraph_agentstore.errors import ConfigurationError


def test_a_pool_of_our_own_words_stays_as_it_is() -> None:
    assert pool_of_official(None) is None
    assert pool_of_official({"max_size": 4}) == {"max_size": 4}


def test_options_of_psycopgs_pool_get_our_names_or_go() -> None:
    given = {"timeout": 3, "max_idle": 9, "open": True, "kwargs": {"autocommit": True}}
    assert pool_of_official(given) == {"acquire_timeout_s": 3, "max_idle_s": 9}


@pytest.mark.parametrize(
    ("least", "most"), [(3, {"min_size": 3, "max_size": 3}), (0, {"min_size": 0})]
)
def test_no_largest_size_means_the_smallest(least: int, most: dict[str, int]) -> None:
    assert pool_of_official({"min_size": least, "max_size": None}) == most


def test_arguments_of_psycopgs_connections_are_refused_with_their_place() -> None:
    with pytest.raises(ConfigurationError, match="has options, arguments of psycopg's"):
        pool_of_official({"kwargs": {"options": "-c a=b", "row_factory": dict}})


def pool(conninfo: str, **arguments: Any) -> Any:
    return SimpleNamespace(conninfo=conninfo, kwargs=arguments)


def test_a_pool_gives_its_connection_string_and_its_arguments() -> None:
    assert dsn_of_connection(pool("host=a", autocommit=True)) == "host=a"
    assert dsn_of_connection(pool("host=a", user="it's")) == r"host=a user='it\'s'"
    assert dsn_of_connection(pool("", dbname="d")) == "dbname='d'"


def test_a_url_with_arguments_beside_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a URL and besides it the arguments user"):
        dsn_of_connection(pool("postgresql://a/b", user="u"))


@pytest.mark.parametrize(("password", "said"), [("", ""), ("s", " password='s'")])
def test_a_connection_gives_its_parameters_and_its_password(password: str, said: str) -> None:
    info = SimpleNamespace(get_parameters=lambda: {"host": "a"}, password=password)
    assert dsn_of_connection(SimpleNamespace(info=info)) == f"host='a'{said}"


def test_anything_else_stays_as_it_is() -> None:
    assert dsn_of_connection("host=a") == "host=a"
    assert dsn_of_connection(None) is None
