"""Labels of users: any id has one, and no two have the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, MissingUserError
from langgraph_agentstore.model.namespaces import check_labels
from langgraph_agentstore.store.user_scope import (
    UserPart,
    decode_label,
    encode_label,
    labels_naming,
    labels_of_user,
    part_of,
)

tricky = st.text(st.sampled_from("a.%25E\n"), min_size=1, max_size=6)
ids = st.one_of(
    tricky, st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)
)


@given(ids)
@example("%2E")
@example("%252E")
def test_a_label_says_whose_it_is(user_id: str) -> None:
    assert decode_label(encode_label(user_id)) == user_id


@given(ids)
def test_langgraph_takes_every_label(user_id: str) -> None:
    labels = labels_of_user(user_id)
    assert check_labels(labels) == labels


@given(tricky, tricky)
def test_two_users_never_have_one_label(one: str, other: str) -> None:
    assert (encode_label(one) == encode_label(other)) == (one == other)


@given(tricky)
def test_a_label_that_the_rule_cannot_have_written_stands_for_itself(label: str) -> None:
    user_id = decode_label(label)
    assert encode_label(user_id) == label or user_id == label


@given(tricky, tricky)
def test_a_label_names_one_user(one: str, other: str) -> None:
    assert all(decode_label(label) == one for label in labels_naming(one))
    assert one == other or not set(labels_naming(one)) & set(labels_naming(other))


def test_labels_are_those_of_the_first_release() -> None:
    assert labels_of_user("ada@example.com") == ("users", "ada@example%2Ecom")
    assert labels_of_user("100%") == ("users", "100%25")
    assert labels_naming("100%") == ("100%25", "100%")
    assert labels_naming("a.b%") == ("a%2Eb%25",)


def test_a_part_is_a_view_where_there_are_users_and_labels_where_there_are_none() -> None:
    memory = InMemoryStore()
    assert part_of(memory, "a.b", ("x",)) == UserPart(memory, ("users", "a%2Eb", "x"))
    store = AgentStore("postgresql://localhost/none")
    part = part_of(store, "a.b", ("x",))
    assert (repr(part.store), part.labels) == (repr(store.for_user("a.b")), ("x",))
    with pytest.raises(ConfigurationError, match="view of 'bob'"):
        part_of(store.for_user("bob"), "a.b")


@pytest.mark.parametrize("user_id", ["", None])
def test_nobody_has_no_part(user_id: str) -> None:
    for find in (labels_of_user, labels_naming):
        with pytest.raises(MissingUserError):
            find(user_id)
    with pytest.raises(MissingUserError):
        part_of(InMemoryStore(), user_id)
