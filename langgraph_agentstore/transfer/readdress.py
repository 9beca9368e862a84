"""Whose records those of a file are, in the store that they go to.

A document names a user and the labels below. In a file of "users" that is what an `AgentStore`
keeps; in one of "tuples" it is how a tuple is written down, and in place of the user stands the
label, as `user_scope` has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import TransferError
from ..model.namespaces import Labels
from ..model.users import (
    DEFAULT_TEMPLATE,
    SHARED,
    USER_SLOT,
    Address,
    Scope,
    TemplateScope,
    UserScope,
    template_scope,
)
from ..store.user_scope import decode_label, encode_label
from .manifest import Manifest

TUPLES = template_scope(DEFAULT_TEMPLATE)
"""How tuples are written down."""


def template_of(scope: Scope) -> tuple[str, ...] | None:
    """The user template of a plain store's scope."""
    if isinstance(scope, TemplateScope) and scope.constants is not None:
        return (*scope.constants, USER_SLOT)
    return None


@dataclass(frozen=True, slots=True)
class Readdressed:
    """From a document's address to that of the store which the file goes to.

    `scope`: the store's, None for one of another package.
    """

    manifest: Manifest
    scope: Scope | None

    @property
    def unchanged(self) -> bool:
        """Whether records go where they were in the store that they are from: one like this."""
        return (
            self.manifest.addresses == "users"
            and self.manifest.template is not None
            and isinstance(self.scope, TemplateScope)
        )

    def check(self) -> None:
        """Raises TransferError for a file of several users that is to go into one's view."""
        if self.manifest.addresses == "tuples" or not isinstance(self.scope, UserScope):
            return
        if self.manifest.records and self.manifest.user_id in (None, SHARED):
            raise TransferError(
                f"the file has records of several users or of the shared space, and the store is "
                f"the view of {self.scope.user_id!r} alone: import into the store itself, or "
                "export that user"
            )

    def address(self, written: Address) -> Address:
        """Where the record goes in a store of this package."""
        assert self.scope is not None
        if self.manifest.addresses == "tuples":
            address = self.scope.address(TUPLES.labels(written.user_id, written.labels))
            if isinstance(self.scope, UserScope):
                return address
            return replace(address, user_id=decode_label(address.user_id))
        if isinstance(self.scope, UserScope):
            if written.user_id != self.manifest.user_id:
                # A manifest is no signature: whoever made the file can have made it up.
                raise TransferError(
                    f"the manifest says that all records are of {self.manifest.user_id!r}, and "
                    "this one is another user's: the file was altered"
                )
            return Address(self.scope.user_id, written.labels)
        return written

    def labels(self, written: Address) -> Labels:
        """The tuple where the record goes in any other store."""
        if self.manifest.addresses == "tuples":
            return TUPLES.labels(written.user_id, written.labels)
        label = encode_label(written.user_id)
        return template_scope(self.manifest.template).labels(label, written.labels)
