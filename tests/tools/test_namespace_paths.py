"""Namespaces as paths: every user and every label has exactly one, and is found by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidNamespaceError, InvalidValueError, MissingUserError
from langgraph_agentstore.model.users import Region
from langgraph_agentstore.tools.namespace_paths import (
    UserNamespace,
    item_id_of_path,
    labels_of_path,
    namespace_named,
    written_labels,
)

LABEL = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(LABEL).map(tuple))
def test_a_path_names_its_labels(labels: tuple[str, ...]) -> None:
    assert labels_of_path(written_labels(labels)) == labels


@given(LABEL, st.lists(LABEL).map(tuple))
def test_a_users_namespace_is_found_by_its_path(user: str, labels: tuple[str, ...]) -> None:
    place = UserNamespace(user, labels)
    assert namespace_named(place.path) == place
    assert namespace_named(written_labels(labels), user) == place
    assert place.regions == (Region(user, labels),)


@given(st.text("ab/%2F5 é", min_size=1))
def test_an_item_is_found_by_its_path(key: str) -> None:
    place = UserNamespace("ann", ("a/b", "50%"))
    assert item_id_of_path(place.item_path(key)) == place.item_id(key)


def test_other_paths_name_the_shared_space() -> None:
    assert namespace_named("/docs/a%2Fb/") == UserNamespace("", ("docs", "a/b"))
    assert namespace_named("users") == UserNamespace("", ("users",))
    assert namespace_named("") == UserNamespace("", ())
    assert namespace_named("docs").path == "docs"


def test_above_the_users_a_path_covers_all_of_them() -> None:
    everybody = Region(None, ())
    assert everybody in namespace_named("").regions
    assert everybody in namespace_named("users").regions
    assert namespace_named("docs").regions == (Region("", ("docs",)),)


def test_what_names_nothing_is_refused() -> None:
    with pytest.raises(InvalidNamespaceError, match="has an empty label"):
        namespace_named("a//b")
    with pytest.raises(InvalidValueError):
        namespace_named("a\x00")
    with pytest.raises(MissingUserError):
        namespace_named("a", "")
