"""Labels as stored text, and as text that sorts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.errors import InvalidNamespaceError
from langgraph_agentstore.model.namespaces import (
    ROOT,
    Labels,
    check_labels,
    check_writable,
    decode_labels,
    encode_labels,
    first_sort_key_after,
    first_text_after,
    labels_named,
    labels_of_sort_key,
    name_of,
    sort_key,
)

# Many collisions: what separates, what escapes, what the escapes are made of.
ANY_LABEL = st.text(st.sampled_from(':%253A;9ab\x01\x02\x03\u05d0🙂"\\'), max_size=5) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5
)
LABELS = st.lists(ANY_LABEL.filter(bool), max_size=4).map(tuple)
LABELS_OF_STRINGS = st.lists(ANY_LABEL, max_size=4).map(tuple).filter(lambda one: one != ("",))


def is_at_or_below(prefix: Labels, labels: Labels) -> bool:
    return labels[: len(prefix)] == prefix


@pytest.mark.parametrize(
    ("labels", "stored"),
    [
        ((), ROOT),
        (("files", "my-repo"), "files:my-repo"),
        (("a:b", "c"), "a%3Ab:c"),
        (("100%",), "100%25"),
        (("%3A",), "%253A"),
        (("", ""), ":"),
        (("it's", "עברית", "🙂"), "it's:עברית:🙂"),
    ],
)
def test_labels_are_stored_joined_by_colons(labels: Labels, stored: str) -> None:
    assert encode_labels(labels) == stored
    assert decode_labels(stored) == labels


@given(LABELS_OF_STRINGS)
def test_stored_text_gives_the_labels_back(labels: Labels) -> None:
    assert decode_labels(encode_labels(labels)) == labels


@given(LABELS_OF_STRINGS, LABELS_OF_STRINGS)
def test_different_labels_are_stored_differently(one: Labels, other: Labels) -> None:
    assert (encode_labels(one) == encode_labels(other)) == (one == other)


def test_one_empty_label_is_stored_as_the_root() -> None:
    assert encode_labels(("",)) == ROOT
    assert decode_labels(ROOT) == ()


@given(LABELS_OF_STRINGS, LABELS_OF_STRINGS)
def test_what_is_stored_below_a_namespace_is_one_range(prefix: Labels, labels: Labels) -> None:
    stored, start = encode_labels(labels), encode_labels(prefix)
    if start == ROOT:
        return
    in_range = stored == start or start + ":" <= stored < start + ";"
    assert in_range == is_at_or_below(prefix, labels)


@given(LABELS_OF_STRINGS)
def test_a_place_gives_the_labels_back(labels: Labels) -> None:
    assert labels_of_sort_key(sort_key(labels)) == labels


def test_one_empty_label_has_a_place_apart_from_the_root() -> None:
    assert labels_of_sort_key("\x02") == ("",)
    assert labels_of_sort_key("") == ()
    assert labels_of_sort_key(sort_key(("\x02",))) == ("\x02",)


@given(LABELS_OF_STRINGS, LABELS_OF_STRINGS)
def test_places_sort_as_tuples_do(one: Labels, other: Labels) -> None:
    """In UTF-8 too, as Postgres compares them."""
    assert (sort_key(one) < sort_key(other)) == (one < other)
    assert (sort_key(one).encode() < sort_key(other).encode()) == (one < other)


@given(LABELS, LABELS)
def test_the_places_below_a_namespace_are_one_range(prefix: Labels, labels: Labels) -> None:
    start = sort_key(prefix)
    if prefix:
        in_range = start <= sort_key(labels) < first_sort_key_after(start)
        assert in_range == is_at_or_below(prefix, labels)


@given(LABELS.filter(bool))
def test_the_least_place_after_a_namespace_begins_with_a_joint(labels: Labels) -> None:
    """A listing goes on from there, so nothing may lie between."""
    assert sort_key((*labels, "\x01")) > sort_key(labels) + "\x01"
    assert sort_key((*labels[:-1], labels[-1] + "\x01")) > sort_key((*labels, "🙂"))


@pytest.mark.parametrize("labels", [("a",), ("a", "b"), (), ("*",), (" ", "\n"), ("langgraph",)])
def test_labels_are_allowed(labels: Labels) -> None:
    assert check_labels(labels) == labels


def test_a_list_of_labels_becomes_a_tuple() -> None:
    assert check_labels(["a", "b"]) == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a", "a namespace is a tuple of strings, got str 'a'"),
        (None, "got NoneType"),
        ({"a"}, "got set"),
        (("a", 1), "the label 1 of .* is of type int"),
        (("a", None), "of type NoneType"),
        ((b"a",), "of type bytes"),
        (("a", ""), "has an empty label"),
        (("a.b",), "has a period"),
        (("a\x00b",), "NUL"),
        (("\ud800",), "lone surrogate"),
    ],
)
def test_other_labels_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(InvalidNamespaceError, match=message):
        check_labels(labels)


def test_anything_but_the_root_and_the_reserved_label_is_writable() -> None:
    check_writable(("a", "langgraph"))
    with pytest.raises(InvalidNamespaceError, match=r"the empty namespace \(\)"):
        check_writable(())
    with pytest.raises(InvalidNamespaceError, match="keeps for itself"):
        check_writable(("langgraph", "a"))


# Strings of data_store


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("files:my-repo", ("files", "my-repo")),
        ("a::b", ("a", "", "b")),
        (":a", ("", "a")),
        (":", ("", "")),
        ("100%: a.b", ("100%", " a.b")),
    ],
)
def test_a_string_names_labels_and_labels_have_that_name(
    name: str, labels: tuple[str, ...]
) -> None:
    assert labels_named(name) == labels
    assert name_of(labels) == name


@given(ANY_LABEL.filter(bool))
def test_every_string_but_the_empty_one_is_the_name_of_its_labels(name: str) -> None:
    labels = labels_named(name)
    assert name_of(labels) == name
    assert decode_labels(encode_labels(labels)) == labels


@pytest.mark.parametrize("labels", [(), ("a:b",), ("a", ":")])
def test_no_string_names_the_root_or_a_label_with_a_colon(labels: tuple[str, ...]) -> None:
    assert name_of(labels) is None


@pytest.mark.parametrize("name", ["", None, 7, ("a",), "a\x00", "\ud800"])
def test_what_can_be_no_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidNamespaceError):
        labels_named(name)


@given(ANY_LABEL, ANY_LABEL)
def test_the_texts_that_begin_with_a_prefix_are_those_before_its_end(
    prefix: str, text: str
) -> None:
    end = first_text_after(prefix)
    within = prefix <= text and (end is None or text < end)
    if end is not None:
        assert within == text.startswith(prefix)
    assert within or not text.startswith(prefix)
    assert prefix <= prefix + text
    assert end is None or prefix + text < end


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("", None),
        ("a", "b"),
        ("a\U0010ffff", "b"),
        ("\U0010ffff", None),
        ("\ud7ff", "\ue000"),
    ],
)
def test_the_end_of_a_prefix(prefix: str, end: str | None) -> None:
    assert first_text_after(prefix) == end
