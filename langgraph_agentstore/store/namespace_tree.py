"""`NamespaceTree`: what `tree` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
        counts = ((labels, self._count_text(items)) for labels, items in self.items.items())
        lines = [self.user_id or "(shared)", *tree_lines(counts, _label_text)]
        if self.is_cut:
            lines.append("… and more namespaces: raise `limit`")
        return "\n".join(lines)

    def _count_text(self, items: int) -> str:
        most = self.most_counted
        return f"{items:,}" if items < most else f"{most:,} or more"

    def _repr_html_(self) -> str:
        return plain_text(str(self)) if self.items else paragraph("No items.")


def tree_of(user_id: str, found: Sequence[Glimpse], limit: int) -> NamespaceTree:
    """Return the tree of the first `limit` namespaces found."""
    items = {glimpse.labels: glimpse.records for glimpse in found[:limit]}
    return NamespaceTree(user_id, items, MOST_RECORDS, len(found) > limit)


@dataclass(slots=True)
class _Branch:
    count: str | None = None
    below: dict[str, _Branch] = field(default_factory=dict)


def tree_lines(counts: Iterable[tuple[Labels, str]], named: Callable[[str], str]) -> Iterator[str]:
    """Draw namespaces as a tree, in the order given; yield its lines.

    `counts`: each namespace with the number to show behind it. `named`: how a label is shown.
    """
    root = _Branch()
    for labels, count in counts:
        branch = root
        for label in labels:
            branch = branch.below.setdefault(label, _Branch())
        branch.count = count
    return _lines_below(root, named, "")


def _lines_below(branch: _Branch, named: Callable[[str], str], indent: str) -> Iterator[str]:
    for n, (label, below) in enumerate(branch.below.items(), 1):
        is_last = n == len(branch.below)
        count = "" if below.count is None else f"  {below.count}"
        yield f"{indent}{'└── ' if is_last else '├── '}{named(label)}{count}"
        yield from _lines_below(below, named, f"{indent}{'    ' if is_last else '│   '}")


def _label_text(label: str) -> str:
    return label if label.isprintable() and label else repr(label)
