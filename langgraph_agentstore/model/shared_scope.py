"""What others share with a user, and the scope of a view that reaches it.

A shared namespace has the address in the view that it has in the plain store: the constant labels
of the user template, the owner, the namespace. While it is shared, that tuple is the owner's, and
so is everything below it. At any other time the same tuple is a namespace of the view's own user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from typing_extensions import override

from ..errors import NotPermittedError
from .namespaces import Labels
from .users import SHARED, Address, Region, Scope, UserScope

ShareAccess: TypeAlias = Literal["read", "write"]
"""What a share allows: reading; or reading, writing and deleting."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A namespace of `owner` that a user may reach, with everything below it."""

    owner: str
    labels: Labels
    access: ShareAccess

    def covers(self, owner: str, labels: Labels) -> bool:
        """Return whether the namespace is this one or below it."""
        return self.owner == owner and labels[: len(self.labels)] == self.labels


@dataclass(frozen=True, slots=True)
class Grants:
    """All that is shared with a user; `known` is a text that differs whenever anything does."""

    user_id: str
    known: str
    granted: tuple[Grant, ...]

    @property
    def users(self) -> tuple[str, ...]:
        """The user and all whose namespaces it may reach."""
        return tuple(dict.fromkeys([self.user_id, *[grant.owner for grant in self.granted]]))

    def reach(self, address: Address, *, writes: bool) -> bool:
        """Return whether the user may read, or write, a namespace: its own, or a granted one."""
        if address.user_id == self.user_id:
            return True
        return any(
            grant.covers(address.user_id, address.labels)
            for grant in self.granted
            if grant.access == "write" or not writes
        )

    @property
    def outermost(self) -> tuple[Grant, ...]:
        """The grants that are not below another one."""
        return tuple(
            grant
            for grant in self.granted
            if not any(
                other.covers(grant.owner, grant.labels)
                for other in self.granted
                if len(other.labels) < len(grant.labels)
            )
        )


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The tuples of a view that may lead to other users: those that name a user.

    None do without a constant label before the user: each tuple would name one.
    """

    constants: Labels
    user_id: str

    def named(self, labels: Sequence[str]) -> Address | None:
        """Return the address of another user that the tuple has in the plain store, or None."""
        depth = len(self.constants)
        if not depth or len(labels) <= depth or tuple(labels[:depth]) != self.constants:
            return None
        if labels[depth] in (SHARED, self.user_id):
            return None
        return Address(labels[depth], tuple(labels[depth + 1 :]))

    def are_at_or_below(self, prefix: Sequence[str]) -> bool:
        """Return whether namespaces of other users may be at or below a prefix."""
        if len(prefix) > len(self.constants):
            return self.named(prefix) is not None
        return bool(self.constants) and tuple(prefix) == self.constants[: len(prefix)]

    def tuple_of(self, user_id: str, labels: Labels) -> Labels:
        """Return the tuple of another user's namespace: the inverse of `named`."""
        return (*self.constants, user_id, *labels)


@dataclass(frozen=True, slots=True)
class SharedScope(Scope):
    """The tuples of a view whose user was granted namespaces of others."""

    own: UserScope
    neighbors: Neighbors
    grants: Grants

    @override
    def address(self, labels: Labels) -> Address:
        named = self.neighbors.named(labels)
        if named is not None and self._covering(named):
            return named
        return self.own.address(labels)

    @override
    def regions(self, prefix: Labels) -> tuple[Region, ...]:
        named = self.neighbors.named(prefix)
        if named is not None and self._covering(named):
            return (Region(named.user_id, named.labels),)
        below = [
            grant
            for grant in self.grants.outermost
            if self._tuple_of(grant)[: len(prefix)] == prefix
        ]
        own = Region(self.own.user_id, prefix, tuple(map(self._tuple_of, below)))
        return (own, *[Region(grant.owner, grant.labels) for grant in below])

    @override
    def regions_to_delete(self, prefix: Labels) -> tuple[Region, ...]:
        # The user's own, or one that was named: nothing of others that is merely below.
        return self.regions(prefix)[:1]

    @override
    def heads(self) -> tuple[tuple[Region, Labels], ...]:
        own, *others = self.regions(())
        named = [(region, self.neighbors.tuple_of(region.user_id or "", ())) for region in others]
        return ((own, ()), *named)

    @override
    def labels(self, user_id: str, labels: Labels) -> Labels:
        return labels if user_id == self.own.user_id else self.neighbors.tuple_of(user_id, labels)

    @override
    def value(self, stored: Any) -> Any:
        return self.own.value(stored)

    def check_writable(self, labels: Labels) -> None:
        """Raise NotPermittedError for a namespace that is shared for reading alone."""
        named = self.neighbors.named(labels)
        covering = [] if named is None else self._covering(named)
        if covering and not any(grant.access == "write" for grant in covering):
            raise NotPermittedError(
                f"{labels!r} is shared with {self.own.user_id!r} for reading: its owner allows "
                'writing by share(…, "write")'
            )

    def _covering(self, address: Address) -> list[Grant]:
        return [g for g in self.grants.granted if g.covers(address.user_id, address.labels)]

    def _tuple_of(self, grant: Grant) -> Labels:
        return self.neighbors.tuple_of(grant.owner, grant.labels)
