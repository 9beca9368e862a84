"""What a file says of itself: how many records it has, and the checksum of what they are.

The manifest stands at the end of its file, since only then the count is known: writing streams,
and a file that was cut off has none. The checksum is SHA-256 over every record as a line of
JSON Lines, so the same records have the same checksum in every format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

import orjson

from ..errors import DamagedFileError

FORMAT = "langgraph_agentstore"
FORMAT_VERSION = 1

Addresses: TypeAlias = Literal["users", "tuples"]
"""What a record's `userId` and `namespace` mean.

"users": the user and the labels below it, as an `AgentStore` keeps them. "tuples": LangGraph's
tuple, as its store showed it, of which `("users", "alice", …)` is written as user `alice`. There
a user is named as in the tuple: `a.b@example.com` is `a%2Eb@example%2Ecom`, see `user_scope`.
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last entry of a file.

    `sha256`: over every record as a line of JSON Lines. `user_id`: whose all of them are, "" for
    the shared space, None if they are of several. `template`: the user template of the store, as
    a tuple, or None.
    """

    records: int
    sha256: str
    addresses: Addresses = "users"
    user_id: str | None = None
    template: tuple[str, ...] | None = None
    exported_at: str = ""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION


def manifest_entry(manifest: Manifest) -> dict[str, Any]:
    """The manifest as it stands in a file: with a checksum of its own."""
    said = asdict(manifest)
    return {"manifest": {**said, "checksum": _checksum(said)}}


def manifest_of(given: object) -> Manifest:
    """The manifest of a file's last entry.

    Raises:
        DamagedFileError: it is none of ours, or of a later release.
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
    if said.keys() != known or given.get("checksum") != _checksum(said):
        raise DamagedFileError("its manifest was altered: the checksum is another")
    template = said["template"]
    return Manifest(**{**said, "template": None if template is None else tuple(template)})


def _checksum(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Tally:
    """Counts records, as they are written or read, and makes the manifest of them."""

    def __init__(self) -> None:
        self.records = 0
        self._hash = hashlib.sha256()
        self._users: set[str] = set()

    def add(self, line: bytes, user_id: str) -> None:
        """A record, as the line that it is in JSON Lines, without its end, and whose it is."""
        self.records += 1
        self._hash.update(line)
        self._hash.update(b"\n")
        if len(self._users) < 2:
            self._users.add(user_id)

    @property
    def sha256(self) -> str:
        """The checksum of all records so far."""
        return self._hash.hexdigest()

    def manifest(self, addresses: Addresses, template: tuple[str, ...] | None) -> Manifest:
        """The manifest of what was added."""
        user_id = next(iter(self._users)) if len(self._users) == 1 else None
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Manifest(self.records, self.sha256, addresses, user_id, template, now)
