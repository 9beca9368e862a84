"""The `quotas=` and `retention=` options: how much of a user is kept, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TypeVar

from ..errors import ConfigurationError
from ..model.json_values import shown
from ..model.namespaces import ROOT, Labels, check_labels, encode_labels

OptionT = TypeVar("OptionT")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each user; None for no limit.

    Args:
        items: the largest number of items. Replacing an item adds none.
        bytes: the largest sum of values, as JSON text; of stored values, so of encrypted ones.
        writes_per_minute: the largest number of puts in a minute of the server's clock.

    Raises:
        ConfigurationError: a limit is not a whole number from 0.
    """

    items: int | None = None
    bytes: int | None = None
    writes_per_minute: int | None = None

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
            if value is not None and not valid:
                raise ConfigurationError(
                    f"quotas: {limit.name} is a whole number from 0, got {shown(value)}; None for "
                    "no limit"
                )


@dataclass(frozen=True, slots=True)
class Quotas:
    """Hold the limits that the database keeps each user within.

    Args:
        per_user: the limits of everything that a user has.
        namespaces: further limits of each user in a namespace with all below it, as a user's view
            names it, such as `{("conversations",): Limits(items=10_000)}`.

    Raises:
        ConfigurationError: an option is of another type.
    """

    per_user: Limits | None = None
    namespaces: Mapping[Labels, Limits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.per_user is not None and not isinstance(self.per_user, Limits):
            raise ConfigurationError(
                f"quotas: per_user is a Limits(...), got {shown(self.per_user)}"
            )
        _checked_namespaces("quotas", self.namespaces, Limits, "{('notes',): Limits(items=100)}")

    @property
    def stored(self) -> dict[str, Limits]:
        """The limits by stored namespace, sorted; the root's are those of the user."""
        limits = {encode_labels(check_labels(n)): limit for n, limit in self.namespaces.items()}
        if self.per_user is not None:
            limits[ROOT] = self.per_user
        return dict(sorted(limits.items()))


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long items are kept after they were last written.

    Args:
        namespaces: the time for each namespace with all below it, of every user and of the shared
            space, as a user's view names it, such as
            `{("conversations",): timedelta(days=90)}`.

    Raises:
        ConfigurationError: a namespace or a time is wrong.
    """

    namespaces: Mapping[Labels, timedelta]

    def __post_init__(self) -> None:
        example = "{('conversations',): timedelta(days=90)}"
        _checked_namespaces("retention", self.namespaces, timedelta, example)
        for labels, age in self.namespaces.items():
            if not labels or age <= timedelta(0):
                raise ConfigurationError(
                    f"retention: a namespace has at least one label and a time above 0, got "
                    f"{shown(labels)}: {shown(age)}; such as {example}"
                )

    @property
    def stored(self) -> dict[str, timedelta]:
        """The times by stored namespace, sorted."""
        return dict(sorted((encode_labels(n), age) for n, age in self.namespaces.items()))


def security_option(name: str, given: object, type_: type[OptionT]) -> OptionT | None:
    """Return a checked option whose value is of a type of the security package.

    Raises:
        ConfigurationError: it is of another type.
    """
    if given is None or isinstance(given, type_):
        return given
    raise ConfigurationError(
        f"{name} is a {type_.__name__}(...) of langgraph_agentstore.security, got {shown(given)}"
    )


def _checked_namespaces(
    option: str, given: object, type_: type[Limits | timedelta], example: str
) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(v, type_) for v in given.values()):
        raise ConfigurationError(
            f"{option}: namespaces is a dict such as {example}, got {shown(given)}"
        )
    for labels in given:
        check_labels(labels)
