"""Operations of a data store that read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import ValueTypeError
from ..model.addresses import checked_key
from ..model.json_values import check_text
from ..sql.items.records import (
    plan_all_values,
    plan_exists,
    plan_keys,
    plan_namespace_names,
    plan_one_record,
    plan_page_of_values,
    plan_values,
)
from ..sql.shared_items import OfView
from ..sql.statement import Get, StoredValue
from ..store.step_driver import Steps
from .models import DataStoreRecord, record_of
from .operations_base import OperationsBase, record_planner
from .ops_log import preview
from .options import checked_limit

DefaultT = TypeVar("DefaultT")


class Reads(OperationsBase):
    """Operations that read."""

    def get(self, key: str, default: Any) -> Steps[Any]:
        self.may_read("get")
        key = checked_key(key, self.at)
        stored: StoredValue | None = yield self.planned(
            lambda at: Get((at.user_id, at.stored, key), None, False)
        )
        if stored is not None:
            self._read({key: stored})
        if self.settings.ops_log is not None:
            shown = None if stored is None else preview(stored.value)
            self.log("get", key=key, found=stored is not None, valuePreview=shown)
        return default if stored is None else stored.value

    def get_many(self, keys: Iterable[str]) -> Steps[dict[str, Any]]:
        self.may_read("get_many")
        wanted = [checked_key(key, self.at) for key in checked_keys(keys)]
        found: Mapping[str, StoredValue] = {}
        if wanted:
            found = yield self.planned(
                lambda at: plan_values(at, list(dict.fromkeys(wanted)), self.context)
            )
        asked = Counter(key for key in wanted if key in found)
        for times in set(asked.values()):  # one asked for twice was read twice
            self._read({key: found[key] for key in asked if asked[key] == times}, times)
        values = {key: found[key].value for key in asked}
        self.log("get_many", requested=len(wanted), found=len(values))
        return values

    def get_all(self) -> Steps[dict[str, Any]]:
        self.may_read("get_all")
        found: dict[str, StoredValue] = yield self.planned(
            lambda at: plan_all_values(at, self.context)
        )
        self._read(found)
        self.log("get_all", count=len(found))
        return {key: stored.value for key, stored in found.items()}

    def page(self, prefix: str | None, after: str | None, limit: int) -> Steps[dict[str, Any]]:
        """Read the next values, by key, without counting or logging."""
        self.may_read("items")
        prefix = _checked_prefix(prefix)
        found = yield self.planned(
            lambda at: plan_page_of_values(at, prefix, after, limit, self.context)
        )
        return {key: stored.value for key, stored in found.items()}

    def list_keys(
        self, prefix: str | None, after: str | None, limit: int | None
    ) -> Steps[list[str]]:
        self.may_read("list_keys")
        checked = _checked_prefix(prefix), None if after is None else _checked_prefix(after)
        most = checked_limit(limit)
        keys: list[str] = yield self.planned(lambda at: plan_keys(at, *checked, most, self.context))
        self.log("list_keys", prefix=prefix, count=len(keys))
        return keys

    def list_namespaces(self) -> Steps[list[str]]:
        self.may_read("list_namespaces")
        names: list[str] = yield record_planner(self.store, self.settings.user_id).below(
            (), lambda planner: plan_namespace_names(planner.scope, self.context)
        )
        self.log("list_namespaces", count=len(names))
        return names

    def exists(self, key: str) -> Steps[bool]:
        self.may_read("exists")
        key = checked_key(key, self.at)
        found: bool = yield self.planned(lambda at: plan_exists(at, key, self.context))
        return found

    def record(self, key: str) -> Steps[DataStoreRecord | None]:
        self.may_read("record")
        key = checked_key(key, self.at)
        own = self.store.executor.access.record_job(self.at, key)
        of_share = self.planned(lambda at: plan_one_record(at, key, self.context))
        stored = yield replace(of_share, own=own) if isinstance(of_share, OfView) else own
        return None if stored is None else record_of(stored)

    def _read(self, found: Mapping[str, StoredValue], times: int = 1) -> None:
        """Count `times` reads of each record; none of those that another user shares.

        These are not at this address, and no record here has their time of creation.
        """
        agent = self.settings.agent_name
        if agent is not None:
            user_id, namespace = self.at.user_id, self.at.stored
            touched = [((user_id, namespace, key), s.created_at) for key, s in found.items()]
            self.store.executor.note_access(touched, times, agent)


def checked_keys(keys: Iterable[str]) -> Iterable[str]:
    """Return the keys; raise if they are one string, which would be taken for its characters."""
    if isinstance(keys, str):
        raise ValueTypeError(f"keys is a list of keys, got the string {keys!r}; write [{keys!r}]")
    return keys


def _checked_prefix(prefix: str | None) -> str:
    if prefix is None:
        return ""
    if not isinstance(prefix, str):
        raise ValueTypeError(f"a prefix is a string, got {type(prefix).__name__} {prefix!r}")
    check_text(prefix, "the prefix")
    return prefix
