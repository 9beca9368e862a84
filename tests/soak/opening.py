"""How the stores of a run are opened, by which controls it has on.

The application has a role of its own where the database keeps users apart; the owner of the tables
sets them up, and does what needs all users.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import Encryption, Limits, LocalKeys, Quotas
from langgraph_agentstore.telemetry import Telemetry
from tests.support.embedders import words_vector
from tests.support.faults import dsn_of, execute

CONTROLS = (
    "row_security",
    "encryption",
    "history",
    "quotas",
    "holds",
    "telemetry",
    "replica",
    "explorer",
    "mcp",
)
DIMS = 32
ITEMS, INDEXED, MOVED = "agentstore", "indexed", "moved"
"""The schemas: of most workers, of those who search, and of what is imported elsewhere."""

ROLE = "soaking_application"
COUNTED, MOST_COUNTED = ("counted",), 8
"""A namespace with a quota, and how many items of it each user may have."""

SLOW_S = 0.5


def embedded(texts: Iterable[str]) -> list[list[float]]:
    return [words_vector(text, DIMS) for text in texts]


def index() -> dict[str, Any]:
    return {"dims": DIMS, "embed": embedded, "mode": "hybrid", "fields": ["text", "content"]}


@dataclass
class Opening:
    """`keys` is the ring of key-encryption keys, the one that wraps first."""

    dsn: str
    owner_dsn: str = ""
    read_dsn: str | None = None
    controls: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    telemetry: Telemetry | None = None

    def __post_init__(self) -> None:
        self.owner_dsn = self.owner_dsn or self.dsn

    def has(self, control: str) -> bool:
        return control in self.controls

    def store(self, schema: str = ITEMS, *, reads_replica: bool = True, **given: Any) -> AgentStore:
        """A store of the application."""
        options = {**self._options(), **given}
        if reads_replica:
            options["read_dsn"] = self.read_dsn
        return AgentStore(self.dsn, schema=schema, **options)

    def owners(self, schema: str = ITEMS, *, newest_key: int = 0, **given: Any) -> AgentStore:
        """A store of the tables' owner; data keys are wrapped by the key of this number."""
        options = self._options()
        if self.has("encryption"):
            ring = [*self.keys[newest_key:], *self.keys[:newest_key]]
            options["encryption"] = Encryption(ring, index_plaintext=True)
        return AgentStore(self.owner_dsn, schema=schema, **{**options, **given})

    def as_task(self) -> dict[str, Any]:
        """For other processes, as JSON; telemetry is of each its own."""
        return {name: value for name, value in vars(self).items() if name != "telemetry"}

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.has("encryption"):
            options["encryption"] = Encryption(self.keys, index_plaintext=True)
        if self.has("history"):
            options["history"] = True
        if self.has("quotas"):
            limits = Limits(items=MOST_COUNTED)
            options["quotas"] = Quotas(Limits(items=10**6), {COUNTED: limits})
        if self.has("telemetry"):
            options["slow_operation_s"] = SLOW_S
        if self.telemetry is not None:
            options["telemetry"] = self.telemetry
        return options


def opening_on(dsn: str, read_dsn: str | None, controls: Iterable[str]) -> Opening:
    """Set up the tables as their owner, with these controls; say how stores are opened there."""
    opening = Opening(dsn, dsn, read_dsn, list(controls))
    if opening.has("encryption"):
        opening.keys = [LocalKeys.generate_key() for _ in range(2)]
    protected: dict[str, Any] = {}
    if opening.has("row_security"):
        execute(dsn, "CREATE ROLE {} LOGIN", ROLE)
        protected = {"row_security": True, "application_role": ROLE}
        opening.dsn = dsn_of(dsn, user=ROLE)
        opening.read_dsn = read_dsn and dsn_of(read_dsn, user=ROLE)
    if opening.controls:
        for schema in (ITEMS, INDEXED, MOVED):
            options: dict[str, Any] = {"index": index()} if schema == INDEXED else {}
            with opening.owners(schema, **options) as store:
                store.setup(**protected)
    return opening
