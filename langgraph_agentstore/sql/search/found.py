"""What a search by a query found: rows made items, whichever statement they come from."""

from __future__ import annotations

from typing import Any

from ...model.namespaces import decode_labels
from ...model.users import Scope
from ...results import ScoredItem
from ..statement import Decoded, Refresh, Row


def add_found(
    row: Row, scope: Scope, refresh: bool, found: Decoded[list[ScoredItem]], **ranking: Any
) -> None:
    """Adds the item of a row; `ranking` is what `ScoredItem` tells of it.

    The row begins with user, namespace, key, value, the times of creation, update and expiry, and
    where reading moves the expiry to.
    """
    user_id, stored, key, value, created_at, updated_at, expires_at, refreshed = row[:8]
    labels = scope.labels(user_id, decode_labels(stored))
    item = ScoredItem(labels, key, scope.value(value), created_at, updated_at, **ranking)
    found.result.append(item)
    if refresh and refreshed is not None:
        found.refreshes.append(Refresh((user_id, stored, key), expires_at, refreshed))
