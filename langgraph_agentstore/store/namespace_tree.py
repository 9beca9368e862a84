"""`NamespaceTree`: what `tree` returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..html_tables import paragraph, plain_text
from ..model.namespaces import Labels
from .notebook_sql import MOST_RECORDS, Glimpse


@dataclass(frozen=True, slots=True)
class NamespaceTree:
    """The namespaces of a user, with their numbers of items.

    `items`: by namespace, in the order of the labels. A number of `most_counted` means that many
    or more. `is_cut`: whether there are more namespaces. `str()` draws it.
    """

    user_id: str
    items: Mapping[Labels, int]
    most_counted: int
    is_cut: bool

    def __str__(self) -> str:
        lines = [
            self.user_id or "(shared)",
            *_lines(_tree_of_labels(self.items), self.most_counted),
        ]
        if self.is_cut:
            lines.append("… and more namespaces: raise `limit`")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return plain_text(str(self)) if self.items else paragraph("No items.")


def tree_of(user_id: str, found: Sequence[Glimpse], limit: int) -> NamespaceTree:
    """Return the tree of the first `limit` namespaces found."""
    items = {glimpse.labels: glimpse.records for glimpse in found[:limit]}
    return NamespaceTree(user_id, items, MOST_RECORDS, len(found) > limit)


@dataclass(slots=True)
class _Branch:
    items: int | None = None
    below: dict[str, _Branch] = field(default_factory=dict)


def _tree_of_labels(items: Mapping[Labels, int]) -> _Branch:
    root = _Branch()
    for labels, count in items.items():
        branch = root
        for label in labels:
            branch = branch.below.setdefault(label, _Branch())
        branch.items = count
    return root


def _lines(branch: _Branch, most: int, indent: str = "") -> Iterator[str]:
    for n, (label, below) in enumerate(branch.below.items(), 1):
        is_last = n == len(branch.below)
        count = "" if below.items is None else f"  {_items_text(below.items, most)}"
        name = label if label.isprintable() and label else repr(label)
        yield f"{indent}{'└── ' if is_last else '├── '}{name}{count}"
        yield from _lines(below, most, f"{indent}{'    ' if is_last else '│   '}")


def _items_text(items: int, most: int) -> str:
    return f"{items:,}" if items < most else f"{most:,} or more"
