"""The new addresses of a file's records in the target store.

A document names a user and the labels below. In a file of "users" they are those of an
`AgentStore`. In a file of "tuples" they spell a namespace: the user is a label of `user_scope`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import TransferError
from ..model.json_values import shown
from ..model.namespaces import Labels
from ..model.users import (
    DEFAULT_TEMPLATE,
    SHARED,
    Address,
    Scope,
    TemplateScope,
    UserScope,
    template_scope,
)
from ..store.user_scope import decode_label, encode_label
from .manifest import Manifest

TUPLES = template_scope(DEFAULT_TEMPLATE)
"""The rule by which namespaces are written as user and labels."""


@dataclass(frozen=True, slots=True)
class Readdressed:
    """A mapping of a file's addresses to those of the target store.

    `scope`: the scope of the target store; None for a store of another package.
    """

    manifest: Manifest
    scope: Scope | None

    @property
    def unchanged(self) -> bool:
        """Tell whether records keep the addresses of their store, which is of this package."""
        return (
            self.manifest.addresses == "users"
            and self.manifest.template is not None
            and isinstance(self.scope, TemplateScope)
        )

    def check(self) -> None:
        """Raise TransferError for a file of several users whose target is one user's view."""
        if self.manifest.addresses == "tuples" or not isinstance(self.scope, UserScope):
            return
        if self.manifest.records and self.manifest.user_id in (None, SHARED):
            raise TransferError(
                f"the file has records of several users or of the shared space, and the store is "
                f"the view of {shown(self.scope.user_id)} alone: import into the store itself, or "
                "export that user"
            )

    def address(self, written: Address) -> Address:
        """Return the record's address in a store of this package."""
        assert self.scope is not None
        if self.manifest.addresses == "tuples":
            address = self.scope.address(TUPLES.labels(written.user_id, written.labels))
            if isinstance(self.scope, UserScope):
                return address
            return replace(address, user_id=decode_label(address.user_id))
        if isinstance(self.scope, UserScope):
            if written.user_id != self.manifest.user_id:
                # A manifest is not a signature: anybody who made the file may have invented it.
                raise TransferError(
                    f"the manifest says that all records are of {shown(self.manifest.user_id)}, "
                    "and this one is another user's: the file was altered"
                )
            return Address(self.scope.user_id, written.labels)
        return written

    def labels(self, written: Address) -> Labels:
        """Return the record's namespace in a store of another package."""
        if self.manifest.addresses == "tuples":
            return TUPLES.labels(written.user_id, written.labels)
        label = encode_label(written.user_id)
        return template_scope(self.manifest.template).labels(label, written.labels)
