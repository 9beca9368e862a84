"""Namespaces as people write them: `users/alice/notes`.

Labels are joined with slashes. Within a label, `%2F` stands for a slash and `%25` for a percent
sign. Paths that begin with `users/` and an id name a user's namespaces, with any user id.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidNamespaceError
from ..model.json_values import check_text, shown
from ..model.namespaces import Labels, encode_labels
from ..model.users import DEFAULT_TEMPLATE, SHARED, Region, check_user_id, template_scope

USERS_LABEL = DEFAULT_TEMPLATE[0]
_SCOPE = template_scope(DEFAULT_TEMPLATE)


@dataclass(frozen=True, slots=True)
class UserNamespace:
    """A namespace of a user, or of the shared space, whose `user_id` is ""."""

    user_id: str
    labels: Labels

    @property
    def all_labels(self) -> Labels:
        """The labels of its path, with those that name the user."""
        head = () if self.user_id == SHARED else (USERS_LABEL, self.user_id)
        return (*head, *self.labels)

    @property
    def path(self) -> str:
        """The path that names it."""
        return written_labels(self.all_labels)

    def item_id(self, key: str) -> tuple[str, str, str]:
        """Return the primary key of one of its items."""
        return self.user_id, encode_labels(self.labels), key

    def item_path(self, key: str) -> str:
        """Return the path of one of its items; see `item_id_of_path`."""
        return f"{self.path}/{written_labels((key,))}"

    @property
    def own_region(self) -> Region:
        """Return the region at or below it that belongs to the same user, or to nobody."""
        return Region(self.user_id, self.labels)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Everything at or below it; above the users, that is all users too."""
        if self.user_id != SHARED:
            return (self.own_region,)
        return _SCOPE.regions(self.labels)


def namespace_named(path: str, user_id: str | None = None) -> UserNamespace:
    """Return the place that a path names; with `user_id`, below that user.

    Raises:
        InvalidNamespaceError: a label is empty, or holds what cannot be stored.
    """
    labels = labels_of_path(path)
    if user_id is not None:
        return UserNamespace(check_user_id(user_id), labels)
    return namespace_of_labels(labels)


def item_id_of_path(path: str) -> tuple[str, str, str]:
    """Return the primary key of the item that a path names: its namespace, a slash, its key."""
    namespace, _, key = path.rpartition("/")
    return namespace_named(namespace).item_id(_unescaped(key))


def namespace_of_labels(labels: Labels) -> UserNamespace:
    """Return the namespace that a tuple of a plain store names."""
    if len(labels) > 1 and labels[0] == USERS_LABEL:
        return UserNamespace(labels[1], labels[2:])
    return UserNamespace(SHARED, labels)


def labels_of_path(path: str) -> Labels:
    """Return the labels of a path; slashes at its ends are ignored."""
    inner = path.strip("/")
    if not inner:
        return ()
    labels = tuple(_unescaped(label) for label in inner.split("/"))
    if "" in labels:
        raise InvalidNamespaceError(
            f"{shown(path)} has an empty label; write one slash between two labels, and %2F for a "
            "slash within a label"
        )
    for label in labels:
        check_text(label, f"a label of {shown(path)}")
    return labels


def written_labels(labels: Labels) -> str:
    """Return the path of labels: the inverse of `labels_of_path`."""
    return "/".join(label.replace("%", "%25").replace("/", "%2F") for label in labels)


def _unescaped(label: str) -> str:
    return label.replace("%2F", "/").replace("%2f", "/").replace("%25", "%")
