"""Namespace labels as stored text and as a sort key.

Stored: the labels joined with `:`. Inside a label `%` is `%25` and `:` is `%3A`. `""` is the root,
which has no labels. So `("files", "my-repo")` is `files:my-repo`, readable in SQL.

Sorted: stored text does not sort as tuples do (`a1` comes before `a:b`, since `1` is less than
`:`). So indexes and listings use the *sort key* of a namespace, the column `place`: the labels
joined with U+0001, in which U+0001 is escaped as U+0002 U+0002 and U+0002 as U+0002 U+0003. Sort
keys compare by code point as tuples of labels do, and everything at or below a namespace is one
range: `place >= p AND place < p || U+0002`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..errors import InvalidNamespaceError, InvalidValueError
from .json_values import check_text, is_storable, shown

Labels = tuple[str, ...]

ROOT = ""
"""The stored text of the namespace without labels."""

MOST_LABELS = 1_300
"""How many labels a namespace may have: more do not fit an index row."""

_RESERVED_ROOT = "langgraph"
_JOINT = "\x01"
_ABOVE_JOINT = "\x02"


def check_labels(labels: object) -> Labels:
    """Return the labels as a tuple if LangGraph allows them.

    Raises:
        InvalidNamespaceError: not a tuple or list of non-empty strings; or a label holds `.`,
            NUL or a lone surrogate; or there are more than `MOST_LABELS`.
    """
    if not isinstance(labels, (tuple, list)):
        raise InvalidNamespaceError(
            f"a namespace is a tuple of strings, got {type(labels).__name__} {shown(labels)}; "
            f"write (…,) around it"
        )
    if len(labels) > MOST_LABELS:
        raise InvalidNamespaceError(
            f"a namespace has at most {MOST_LABELS} labels, got {len(labels)}: "
            "fewer, longer ones, or text in the value"
        )
    for label in labels:
        _check_label(label, labels)
    # Members of a string enum become plain strings.
    return tuple([str.__str__(label) for label in labels])


def is_writable(labels: Labels) -> bool:
    """Return whether LangGraph lets items be put into a namespace."""
    return bool(labels) and labels[0] != _RESERVED_ROOT


def check_writable(labels: Labels) -> None:
    """Raise InvalidNamespaceError for the two namespaces that LangGraph forbids to write."""
    if not labels:
        raise InvalidNamespaceError("an item cannot be put into the empty namespace (); name one")
    if labels[0] == _RESERVED_ROOT:
        raise InvalidNamespaceError(
            f"the first label of {shown(labels)} is 'langgraph', which LangGraph keeps for itself; "
            "choose another"
        )


@lru_cache(maxsize=8192)
def encode_labels(labels: Labels) -> str:
    """Return the stored text of labels; any string that Postgres can hold may be a label."""
    return ":".join([_escape(label) for label in labels])


@lru_cache(maxsize=8192)
def decode_labels(stored: str) -> Labels:
    """Return the labels of a stored text.

    `decode_labels(encode_labels(x)) == x`, except for `("",)`, which is stored as the root.
    """
    if not stored:
        return ()
    return tuple([_unescape(label) for label in stored.split(":")])


@lru_cache(maxsize=8192)
def sort_key(labels: Labels) -> str:
    """Return the text by which namespaces sort as their tuples do."""
    return _JOINT.join(
        [label.replace("\x02", "\x02\x03").replace("\x01", "\x02\x02") for label in labels]
    )


def labels_of_sort_key(place: str) -> Labels:
    """Return the labels of a sort key: the inverse of `sort_key`.

    U+0002 alone, which no namespace has, stands for one empty label, which is not the root.
    """
    if not place:
        return ()
    if "\x02" not in place:  # nearly all: a listing decodes very many
        return tuple(place.split(_JOINT))
    if place == "\x02":
        return ("",)
    return tuple(
        [
            label.replace("\x02\x02", "\x01").replace("\x02\x03", "\x02")
            for label in place.split(_JOINT)
        ]
    )


def first_sort_key_after(place: str) -> str:
    """Return the exclusive upper end of the sort keys at or below a namespace.

    Not for the root.
    """
    return place + _ABOVE_JOINT


def first_text_after(prefix: str) -> str | None:
    """Return the exclusive upper end of the texts that start with `prefix`, by code point.

    Return None if there is none: for the empty prefix, and after the last character of all.
    """
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    # Between the two stand the surrogates, which are no characters.
    following = 0xE000 if kept[-1] == "\ud7ff" else ord(kept[-1]) + 1
    return kept[:-1] + chr(following)


def labels_named(name: object) -> Labels:
    """Return the labels that a `data_store` string such as `files:my-repo` names.

    Any string but the empty one is valid. Labels may be empty there, and hold characters that
    LangGraph refuses.

    Raises:
        InvalidNamespaceError: it is empty, not a string, or holds NUL or a lone surrogate.
    """
    if not isinstance(name, str) or not name:
        raise InvalidNamespaceError(
            f"a namespace is a non-empty string such as 'files:my-repo', got {shown(name)}"
        )
    try:
        check_text(name, f"the namespace {shown(name)}")
    except InvalidValueError as error:
        raise InvalidNamespaceError(str(error)) from None
    return tuple(str.__str__(name).split(":"))


def name_of(labels: Labels) -> str | None:
    """Return the string that names these labels, or None if no string does.

    No string names the root, nor a label that holds a colon.
    """
    if not labels or any(":" in label for label in labels):
        return None
    return ":".join(labels)


def _escape(label: str) -> str:
    return label.replace("%", "%25").replace(":", "%3A")


def _unescape(label: str) -> str:
    return label.replace("%3A", ":").replace("%25", "%")


def _check_label(label: object, labels: Sequence[object]) -> None:
    if not isinstance(label, str):
        raise InvalidNamespaceError(
            f"the label {shown(label)} of {shown(labels)} is of type {type(label).__name__}; "
            "labels are strings"
        )
    if not label:
        raise InvalidNamespaceError(
            f"{shown(labels)} has an empty label; labels are non-empty strings"
        )
    if "." in label:
        raise InvalidNamespaceError(
            f"the label {shown(label)} of {shown(labels)} has a period, which LangGraph does not "
            "allow; replace it, or reach such users through for_user()"
        )
    if is_storable(label):
        return
    try:
        check_text(label, f"a label of {shown(labels)}")
    except InvalidValueError as error:
        raise InvalidNamespaceError(str(error)) from None
