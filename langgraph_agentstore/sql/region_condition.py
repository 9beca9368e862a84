"""Regions: conditions over the primary key for what a prefix covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import DistributedError
from ..model.namespaces import ROOT, encode_labels
from ..model.users import Region
from .statement import SqlContext


def region_condition(regions: Sequence[Region], arguments: list[Any], alias: str = "i") -> str:
    """Return a condition that rows of any of the regions meet, and append its arguments."""
    return "(" + " OR ".join(_one_region(region, arguments, alias) for region in regions) + ")"


def check_one_user(regions: Sequence[Region], context: SqlContext) -> None:
    """Raise DistributedError for a ranking over users whose items are on several nodes."""
    if context.distributed and (len(regions) > 1 or regions[0].user_id is None):
        raise DistributedError(
            "a search by a query spans users, whose items are on several nodes here: search one "
            "user, with a namespace that names the user or with for_user(…), or search each in turn"
        )


def user_condition(regions: Sequence[Region], arguments: list[Any], context: SqlContext) -> str:
    """Return the condition that rows `i` are of the regions' one user, where it must be repeated.

    See `SqlContext.of_users`. Nothing for regions of several users.
    """
    user_id = regions[0].user_id
    if not context.distributed or user_id is None or len(regions) > 1:
        return ""
    arguments.append(user_id)
    return f" AND i.user_id = ${len(arguments)}"


def _one_region(region: Region, arguments: list[Any], alias: str) -> str:
    user = _user(region.user_id, arguments, alias)
    stored = encode_labels(region.labels)
    conditions = [user]
    if stored != ROOT:
        conditions.append(at_or_below(stored, arguments, alias))
    for hidden in region.hidden:
        conditions.append(f"NOT {at_or_below(encode_labels(hidden), arguments, alias)}")
    return user if len(conditions) == 1 else f"({' AND '.join(conditions)})"


def at_or_below(stored: str, arguments: list[Any], alias: str = "i") -> str:
    """Return the condition that rows are in or below a namespace other than the root."""
    arguments.append(stored)
    prefix = f"${len(arguments)}::text"
    column = f"{alias}.namespace"
    # Labels, not characters: 'a' covers 'a' and 'a:…', never 'ab'; ';' follows ':' in ASCII.
    below = f"{column} >= {prefix} || ':' AND {column} < {prefix} || ';'"
    return f"({column} = {prefix} OR ({below}))"


def _user(user_id: str | None, arguments: list[Any], alias: str) -> str:
    if user_id is None:
        return f"{alias}.user_id > ''"
    arguments.append(user_id)
    return f"{alias}.user_id = ${len(arguments)}"
