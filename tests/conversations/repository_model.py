"""A repository as a plain dictionary, and steps that any repository can follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

USERS = ("ann", "a.b@example.org", "a%2Eb@example%2Eorg", "users")
NAMESPACES = [
    *(("users", user, "conversations") for user in USERS),
    *(("users", user, "conversations", "v1.2") for user in USERS[:2]),
    ("docs", "v1.2"),
    ("docs",),
]
KEYS = ["k", "t_20241227_143000_abc12345", "100%:_.", "é"]

# Some much more often than others, so that they fill.
_NAMESPACE = st.one_of(st.sampled_from(NAMESPACES[:2]), st.sampled_from(NAMESPACES))
_KEY = st.sampled_from(KEYS)

_PUT = st.tuples(st.just("put"), _NAMESPACE, _KEY)

STEPS = st.one_of(
    _PUT,
    _PUT,
    st.tuples(st.just("get"), _NAMESPACE, _KEY),
    st.tuples(st.just("delete"), _NAMESPACE, _KEY),
    st.tuples(st.just("search"), _NAMESPACE, st.none(), st.integers(1, 3)),
)


class PlainRepository:
    """What a repository means, in memory."""

    def __init__(self) -> None:
        self._values: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}

    def put(self, namespace: tuple[str, ...], key: str, value: dict[str, Any]) -> None:
        self._values.pop((namespace, key), None)
        self._values[namespace, key] = value

    def get(self, namespace: tuple[str, ...], key: str) -> dict[str, Any] | None:
        return self._values.get((namespace, key))

    def search(
        self, namespace: tuple[str, ...], query: str | None = None, limit: int = 10
    ) -> list[dict[str, Any]]:
        below = [v for (ns, _), v in self._values.items() if ns[: len(namespace)] == namespace]
        return below[::-1][:limit]

    def delete(self, namespace: tuple[str, ...], key: str) -> None:
        self._values.pop((namespace, key), None)


def follow(repository: Any, steps: Sequence[Any], *, awaited: bool = False) -> Any:
    """What each step returns; with `awaited` a coroutine of that, through the `a` forms.

    Each put has a value of its own.
    """
    calls = [
        (name, [*arguments, {"step": number}] if name == "put" else arguments)
        for number, (name, *arguments) in enumerate(steps)
    ]
    if not awaited:
        return [getattr(repository, name)(*arguments) for name, arguments in calls]

    async def walk() -> list[Any]:
        return [await getattr(repository, f"a{name}")(*arguments) for name, arguments in calls]

    return walk()
