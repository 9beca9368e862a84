"""Tuples to users and namespaces, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidValueError,
    MissingUserError,
    ValueTypeError,
)
from langgraph_agentstore.model.namespaces import Labels
from langgraph_agentstore.model.users import (
    SHARED,
    Address,
    RecordScope,
    Region,
    TemplateScope,
    UserScope,
    check_user_id,
    template_scope,
)

DEFAULT = TemplateScope(("users",))
USER_FIRST = TemplateScope(())
NESTED = TemplateScope(("org", "users"))
NO_USERS = TemplateScope(None)
SCOPES = [DEFAULT, USER_FIRST, NESTED, NO_USERS, UserScope("alice")]

ANY_LABEL = st.sampled_from(
    ["users", "org", "alice", "a", ":", "%", "%3A", "a:b", "'", '"', "\\", "🙂", "שלום", "\x01"]
) | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=4)
LABELS = st.lists(ANY_LABEL, max_size=5).map(tuple)


def is_covered(regions: tuple[Region, ...], address: Address) -> bool:
    return any(
        (
            region.user_id == address.user_id
            or (region.user_id is None and address.user_id != SHARED)
        )
        and address.labels[: len(region.labels)] == region.labels
        for region in regions
    )


@pytest.mark.parametrize(
    ("scope", "labels", "address"),
    [
        (DEFAULT, ("users", "alice", "files", "r"), Address("alice", ("files", "r"))),
        (DEFAULT, ("users", "alice"), Address("alice", ())),
        (DEFAULT, ("users", "users", "users"), Address("users", ("users",))),
        (DEFAULT, ("users",), Address(SHARED, ("users",))),
        (DEFAULT, ("users", ""), Address(SHARED, ("users", ""))),
        (DEFAULT, ("docs", "v2"), Address(SHARED, ("docs", "v2"))),
        (DEFAULT, (), Address(SHARED, ())),
        (USER_FIRST, ("alice", "memories"), Address("alice", ("memories",))),
        (USER_FIRST, (), Address(SHARED, ())),
        (NESTED, ("org", "users", "alice", "x"), Address("alice", ("x",))),
        (NESTED, ("org", "alice"), Address(SHARED, ("org", "alice"))),
        (NO_USERS, ("users", "alice"), Address(SHARED, ("users", "alice"))),
        (UserScope("alice"), ("users", "bob"), Address("alice", ("users", "bob"))),
    ],
)
def test_a_tuple_has_an_address(scope: Any, labels: Labels, address: Address) -> None:
    assert scope.address(labels) == address
    assert scope.labels(address.user_id, address.labels) == labels


@pytest.mark.parametrize("scope", SCOPES)
@given(labels=LABELS)
def test_an_address_gives_the_tuple_back(scope: Any, labels: Labels) -> None:
    address = scope.address(labels)
    assert scope.labels(address.user_id, address.labels) == labels


@pytest.mark.parametrize("scope", SCOPES)
@given(one=LABELS, other=LABELS)
def test_different_tuples_have_different_addresses(scope: Any, one: Labels, other: Labels) -> None:
    assert (scope.address(one) == scope.address(other)) == (one == other)


@pytest.mark.parametrize("scope", [DEFAULT, USER_FIRST, NESTED])
@given(user_id=ANY_LABEL, labels=LABELS)
def test_every_users_namespace_has_a_tuple(scope: Any, user_id: str, labels: Labels) -> None:
    assert scope.address(scope.labels(user_id, labels)) == Address(user_id, labels)


@given(user_id=ANY_LABEL, labels=LABELS)
def test_no_tuple_of_a_view_reaches_another_user(user_id: str, labels: Labels) -> None:
    scope = UserScope(user_id)
    assert scope.address(labels).user_id == user_id
    assert {region.user_id for region in scope.regions(labels)} == {user_id}
    assert scope.heads() == ((Region(user_id, ()), ()),)


@pytest.mark.parametrize("stored", [{"n": 1}, [1], "text", None])
def test_a_view_of_records_shows_any_value_and_a_view_of_items_mappings(stored: Any) -> None:
    assert RecordScope("alice").value(stored) == stored
    shown = stored if isinstance(stored, dict) else {"value": stored}
    assert UserScope("alice").value(stored) == shown


@pytest.mark.parametrize("scope", SCOPES)
@given(data=st.data())
def test_regions_cover_what_the_prefix_covers(scope: Any, data: st.DataObject) -> None:
    labels = data.draw(LABELS)
    other = data.draw(LABELS)
    prefix = data.draw(st.sampled_from([labels[:n] for n in range(len(labels) + 1)]) | LABELS)
    for each in (labels, other, (*prefix, *other)):
        is_below = each[: len(prefix)] == prefix
        assert is_covered(scope.regions(prefix), scope.address(each)) == is_below


@pytest.mark.parametrize("scope", SCOPES)
@given(labels=LABELS)
def test_heads_and_labels_make_up_the_tuple(scope: Any, labels: Labels) -> None:
    address = scope.address(labels)
    heads = [(region, head) for region, head in scope.heads() if is_covered((region,), address)]
    ((region, head),) = heads
    user = (address.user_id,) if region.user_id is None else ()
    assert (*head, *user, *address.labels) == labels


def test_a_prefix_above_the_users_spans_them() -> None:
    assert DEFAULT.regions(()) == (Region(SHARED, ()), Region(None, ()))
    assert DEFAULT.regions(("users",)) == (Region(SHARED, ("users",)), Region(None, ()))
    assert NESTED.regions(("org",)) == (Region(SHARED, ("org",)), Region(None, ()))
    assert NO_USERS.regions(()) == (Region(SHARED, ()),)
    assert DEFAULT.regions(("docs",)) == (Region(SHARED, ("docs",)),)


def test_a_store_without_users_shows_anothers_rows_as_the_default_would() -> None:
    assert NO_USERS.labels("alice", ("files",)) == ("users", "alice", "files")


@pytest.mark.parametrize(
    ("template", "constants"),
    [
        (("users", "{user_id}"), ("users",)),
        (["memories", "{user_id}"], ("memories",)),
        (("{user_id}",), ()),
        (None, None),
    ],
)
def test_a_template_is_constants_and_then_the_user(template: Any, constants: Any) -> None:
    assert template_scope(template) == TemplateScope(constants)


@pytest.mark.parametrize(
    "template",
    [
        (),
        ("users",),
        ("{user_id}", "users"),
        ("{user_id}", "{user_id}"),
        "{user_id}",
        ("a.b", "{user_id}"),
        ("", "{user_id}"),
        ("langgraph", "{user_id}"),
        (1, "{user_id}"),
    ],
)
def test_other_templates_are_refused(template: Any) -> None:
    with pytest.raises(ConfigurationError, match="users="):
        template_scope(template)


def test_a_user_id_is_any_text() -> None:
    for user_id in ("alice", "a.b@example.com", ":", "%3A", "🙂", " "):
        assert check_user_id(user_id) == user_id


@pytest.mark.parametrize(
    ("user_id", "error"),
    [
        (None, MissingUserError),
        ("", MissingUserError),
        (7, ValueTypeError),
        (b"alice", ValueTypeError),
        ("a\x00", InvalidValueError),
        ("\ud800", InvalidValueError),
    ],
)
def test_other_user_ids_are_refused(user_id: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"user id|NUL|surrogate"):
        check_user_id(user_id)
