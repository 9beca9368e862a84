"""The manifest of a file: the number of its records, and their checksum.

The manifest is the last entry, since the count is known only at the end of a stream. So a file
that was cut off has none. The checksum is SHA-256 over every record as a line of JSON Lines, so
the same records have the same checksum in every format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

import orjson

from ..errors import DamagedFileError

FORMAT = "langgraph_agentstore"
FORMAT_VERSION = 1

Addresses: TypeAlias = Literal["users", "tuples"]
"""The meaning of a record's `userId` and `namespace`.

"users": the user and the labels below, as in an `AgentStore`. "tuples": the namespace that
the store showed, where `("users", "alice", …)` is written as user `alice`. The user is spelled as
in the namespace: `a.b@example.com` is `a%2Eb@example%2Ecom`, see `user_scope`.
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last entry of a file.

    `sha256`: the checksum over every record as a line of JSON Lines. `user_id`: the user of all
    records, "" for the shared space, None for several users. `template`: the user template of the
    store as a tuple, or None. `contents`: "everything" if rows of other tables follow the records.
    `public_key`, `signature`: of a signed file, in base64.
    """

    records: int
    sha256: str
    addresses: Addresses = "users"
    user_id: str | None = None
    template: tuple[str, ...] | None = None
    exported_at: str = ""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    contents: Literal["records", "everything"] = "records"
    public_key: str | None = None
    signature: str | None = None


_LATER: dict[str, Any] = {"contents": "records", "public_key": None, "signature": None}
"""Fields that a manifest leaves out where they have these values."""


def manifest_entry(manifest: Manifest) -> dict[str, Any]:
    """Return the entry of a manifest in a file, with a checksum of its own."""
    said = _stated_fields(manifest)
    return {"manifest": {**said, "checksum": _checksum(said)}}


def signed_text(manifest: Manifest) -> bytes:
    """Return what a signature signs: the manifest without the signature, by sorted names."""
    said = _stated_fields(replace(manifest, signature=None))
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def _stated_fields(manifest: Manifest) -> dict[str, Any]:
    """Return the fields of a manifest; what earlier releases do not know only where it is used."""
    said = asdict(manifest)
    return {n: v for n, v in said.items() if n not in _LATER or v != _LATER[n]}


def manifest_of(given: object) -> Manifest:
    """Return the manifest of a file's last entry.

    Raises:
        DamagedFileError: the entry is not our manifest, or is of a later release.
    """
    if not isinstance(given, Mapping) or given.get("format") != FORMAT:
        raise DamagedFileError("its last entry is no manifest of this package")
    version = given.get("format_version")
    if version != FORMAT_VERSION:
        raise DamagedFileError(
            f"its format is of version {version!r}, this release reads {FORMAT_VERSION}; "
            "upgrade the package"
        )
    said = {name: value for name, value in given.items() if name != "checksum"}
    known = {field.name for field in fields(Manifest)}
    if not known - _LATER.keys() <= said.keys() <= known or given.get("checksum") != _checksum(
        said
    ):
        raise DamagedFileError("its manifest was altered: the checksum is another")
    template = said["template"]
    return Manifest(**{**said, "template": None if template is None else tuple(template)})


def _checksum(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Tally:
    """A count and checksum of records as they are written or read, for the manifest."""

    def __init__(self) -> None:
        self.records = 0
        self._hash = hashlib.sha256()
        self._users: set[str] = set()

    def add(self, line: bytes, user_id: str) -> None:
        """Add a record: its line of JSON Lines, without the line end, and its user."""
        self.records += 1
        self._hash.update(line)
        self._hash.update(b"\n")
        if len(self._users) < 2:
            self._users.add(user_id)

    @property
    def sha256(self) -> str:
        """Return the checksum of all records so far."""
        return self._hash.hexdigest()

    def manifest(self, addresses: Addresses, template: tuple[str, ...] | None) -> Manifest:
        """Return the manifest of the added records."""
        user_id = next(iter(self._users)) if len(self._users) == 1 else None
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Manifest(self.records, self.sha256, addresses, user_id, template, now)
