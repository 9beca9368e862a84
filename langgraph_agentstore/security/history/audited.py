"""What a verification of the chain found."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sealing_sql import FaultKind


@dataclass(frozen=True, slots=True)
class AuditFault:
    """One thing that is wrong.

    `kind`: "altered", "removed" or "added", of the entry `number`; "seal", of a seal that is not
    the one made then, or follows none; "head", if the hash given is of no seal, as after the newest
    seals were removed. `seal`: the seal's number, 0 for "head".
    """

    kind: FaultKind
    seal: int
    number: int | None = None

    def __str__(self) -> str:
        if self.kind == "head":
            return "the head given is the hash of no seal: seals were removed, or made anew"
        if self.kind == "seal":
            return f"seal {self.seal} does not follow from the one before it"
        return f"entry {self.number} of seal {self.seal} was {self.kind}"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of `audit_verify`.

    `seals`, `entries`: how many were verified. `unsealed` entries are not protected yet.
    `retention`, `erased`: entries that are gone by rule. `head`: the hash of the newest seal, in
    hex; keep it elsewhere, and give it to the next verification. `faults`: what is wrong; empty if
    nothing is.
    """

    seals: int
    entries: int
    unsealed: int
    retention: int
    erased: int
    head: str | None
    faults: tuple[AuditFault, ...] = field(default=())

    @property
    def is_intact(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults

    def __str__(self) -> str:
        lines = [
            f"{self.entries} entries in {self.seals} seals: "
            + ("intact" if self.is_intact else f"{len(self.faults)} faults"),
            f"  {self.unsealed} not sealed yet, {self.retention} gone by retention, "
            f"{self.erased} erased",
            f"  head {self.head}",
        ]
        return "\n".join([*lines, *(f"  {fault}" for fault in self.faults)])
