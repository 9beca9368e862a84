"""Sharing: a user lets another one read, or also write, a namespace and what is below it."""

from __future__ import annotations

from ..errors import ConfigurationError, InvalidNamespaceError, InvalidOperationError
from ..model.addresses import ItemAddress
from ..model.namespaces import Labels, check_labels
from ..model.shared_scope import Neighbors, ShareAccess
from ..model.users import SHARED, UserScope, check_user_id
from ..runtime.distribution import refuse_distributed
from ..runtime.job import Job
from ..runtime.session import Session
from ..security.sharing.share import Share
from ..security.sharing.sql import plan_revoke, plan_share, plan_shared_by, plan_shared_with
from ..sql.statement import ResultT, Statement
from .base import StoreBase


class Sharing(StoreBase):
    """Methods that share namespaces of a user with another one."""

    def share(self, namespace: Labels, with_user: str, access: ShareAccess = "read") -> None:
        """Share a namespace, with everything below it, with another user.

        In that user's view it has its address in the plain store, such as
        `("users", "alice", "projects")`. Sharing again replaces the access.

        Args:
            namespace: a user's namespace: in the plain store with the user, in a view without.
            with_user: the other user.
            access: "read"; or "write", which also allows writing and deleting.

        Raises:
            InvalidNamespaceError: the namespace belongs to no user, or to another user.
            InvalidOperationError: `access` is neither, or the user would share with itself.
            ConfigurationError: the store's user template has no constant label.
        """
        self.executor.run(self._share_job(namespace, with_user, access))

    async def ashare(self, namespace: Labels, with_user: str, access: ShareAccess = "read") -> None:
        """Async form of `share`."""
        await self.executor.arun(self._share_job(namespace, with_user, access))

    def revoke(self, namespace: Labels, with_user: str) -> bool:
        """End the share of exactly this namespace; return whether there was one.

        It takes effect at once in every process. A write by the share that was under way is
        complete when `revoke` returns.
        """
        return self.executor.run(self._revoke_job(namespace, with_user))

    async def arevoke(self, namespace: Labels, with_user: str) -> bool:
        """Async form of `revoke`."""
        return await self.executor.arun(self._revoke_job(namespace, with_user))

    def shared_by_me(self) -> list[Share]:
        """Return what this view's user shares; on the plain store, what every user shares."""
        return self.executor.run(self._plan_shared_by())

    async def ashared_by_me(self) -> list[Share]:
        """Async form of `shared_by_me`."""
        return await self.executor.arun(self._plan_shared_by())

    def shared_with_me(self) -> list[Share]:
        """Return what others share with this view's user, by owner and namespace.

        Raises:
            InvalidOperationError: this is the plain store, which has no user.
        """
        return self.executor.run(self._plan_shared_with())

    async def ashared_with_me(self) -> list[Share]:
        """Async form of `shared_with_me`."""
        return await self.executor.arun(self._plan_shared_with())

    @property
    def _owner(self) -> str | None:
        """The view's user; None in the plain store."""
        scope = self.planner.scope
        return scope.user_id if isinstance(scope, UserScope) else None

    def _share_job(self, namespace: Labels, with_user: str, access: ShareAccess) -> Job[None]:
        if access not in ("read", "write"):
            raise InvalidOperationError(f"access is 'read' or 'write', got {access!r}")
        at = self._shareable(namespace, with_user)
        statement = plan_share(at, with_user, access, self._owner, self.planner.context)
        return _changing(statement, with_user)

    def _revoke_job(self, namespace: Labels, with_user: str) -> Job[bool]:
        at = self._shareable(namespace, with_user)
        return _changing(plan_revoke(at, with_user, self.planner.context), with_user)

    def _shareable(self, namespace: Labels, with_user: str) -> ItemAddress:
        constants = self.planner.current_rules.constants
        if not constants:
            raise ConfigurationError(
                'sharing needs a user template with a label before the user, such as ("users", '
                '"{user_id}"), by which a view tells other users from its own namespaces'
            )
        labels, owner = check_labels(namespace), self._owner
        at = self.planner.address_of(labels)
        if at.user_id == SHARED:
            raise InvalidNamespaceError(f"{labels!r} belongs to no user, so everybody reaches it")
        if owner is not None and Neighbors(constants, owner).named(labels) is not None:
            raise InvalidNamespaceError(f"{labels!r} names another user, who alone may share it")
        if check_user_id(with_user) == at.user_id:
            raise InvalidOperationError(f"{with_user!r} owns {labels!r}: name another user")
        return at

    def _plan_shared_by(self) -> Statement[list[Share]]:
        planner = self.planner
        return plan_shared_by(self._owner, planner.scope.labels, planner.context)

    def _plan_shared_with(self) -> Statement[list[Share]]:
        owner, planner = self._owner, self.planner
        if owner is None:
            raise InvalidOperationError(
                "the plain store has no user: call for_user(…).shared_with_me()"
            )
        neighbors = Neighbors(planner.current_rules.constants, owner)
        return plan_shared_with(owner, neighbors.tuple_of, planner.context)


_SHARING_BY_ONE_SERVER = (
    "each statement of a user with whom something is shared checks it by a function, which reads "
    "one server alone"
)


def _changing(statement: Statement[ResultT], with_user: str) -> Job[ResultT]:
    """Return the job that changes what is shared with a user, and lets the store know it."""

    async def run(session: Session) -> ResultT:
        refuse_distributed(session.context, _SHARING_BY_ONE_SERVER)
        try:
            rows = await session.database.run(statement, statement.users)
        finally:
            session.shares.forget(with_user)
        return statement.decode(rows).result

    return Job(run, writes_items=False, kind="share")
