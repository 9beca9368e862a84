"""The user of a running graph, found in its configuration or context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import MissingUserError, UserConflictError
from .users import SHARED, check_user_id


def user_of(config: Mapping[str, Any], context: object) -> str:
    """Find the user of a running graph.

    The user that the Agent Server authenticated comes first:
    `configurable["langgraph_auth_user_id"]` beside the server's own `langgraph_auth_user` object
    of that identity. That object cannot be sent as JSON, so no client can forge it.

    Without the object, the id proves nothing. Then `configurable["user_id"]` comes
    first, then `langgraph_auth_user_id`, then `user_id` of the runtime context. A claimed
    authenticated id that contradicts another one is refused, since a client may have sent it.

    Raises:
        MissingUserError: none of these ids is set.
        UserConflictError: `langgraph_auth_user_id`, which no server confirms, names another
            user than `user_id` of the configuration or of the context.
    """
    configurable = config.get("configurable") or {}
    claimed = _user_or_none(configurable.get("langgraph_auth_user_id"))
    if claimed is not None and _vouched_for(configurable.get("langgraph_auth_user"), claimed):
        return claimed
    others = [_user_or_none(configurable.get("user_id")), _user_or_none(_user_in(context))]
    for other in others:
        if claimed is not None and other is not None and other != claimed:
            raise UserConflictError(
                f"the run names two users: user_id {other!r} and langgraph_auth_user_id "
                f"{claimed!r}, which no Agent Server confirms; leave the second out, and let "
                "no client set it"
            )
    for user_id in (others[0], claimed, others[1]):
        if user_id is not None:
            return user_id
    raise MissingUserError(
        "the running graph has no user: pass config={'configurable': {'user_id': …}} when it is "
        "invoked, a context with user_id, or use for_user(…) with a known user"
    )


def _user_or_none(user_id: object) -> str | None:
    return None if user_id is None or user_id == SHARED else check_user_id(user_id)


def _user_in(context: object) -> object:
    if isinstance(context, Mapping):
        return context.get("user_id")
    return getattr(context, "user_id", None)


def _vouched_for(authenticated: object, user_id: str) -> bool:
    """Tell whether this is the server's object for the user; JSON from a client is a mapping."""
    if authenticated is None or isinstance(authenticated, Mapping):
        return False
    return getattr(authenticated, "identity", None) == user_id


def running_user() -> str:
    """Find the user of the graph that runs in the caller's context; see `user_of`.

    Raises:
        MissingUserError: no graph runs here, or it has no user.
        UserConflictError: it names two users.
    """
    # Imported late: not every use of the package runs a graph.
    from langgraph.config import get_config
    from langgraph.runtime import get_runtime

    try:
        config = get_config()
    except RuntimeError as error:
        raise MissingUserError(
            f"per_user() finds the user in a running graph, and none is seen here ({error}); "
            "use for_user(…) outside of graphs, and before Python 3.11 in awaited ones too, "
            "with the user of the node's own config"
        ) from None
    runtime = get_runtime()
    return user_of(config, getattr(runtime, "context", None))
