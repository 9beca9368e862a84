"""Base classes of objects that are closed, by a method or by the end of a block.

Such objects are handles on something open. A copy of a configuration that holds one, as LangGraph
makes them, holds the same handle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NoReturn, SupportsIndex

from typing_extensions import Self

from ..errors import InvalidOperationError


class Handle:
    """A handle on something open. Copies share it; it cannot be pickled."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        name = type(self).__name__
        raise InvalidOperationError(
            f"a {name} cannot be pickled, since it holds connections or locks: make one in the "
            "other process, from what this one was made of"
        )


class Closing(Handle, ABC):
    """A handle with `close()` and `with`."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Close it. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class AwaitedClosing(Closing):
    """A handle with `close()`, `with`, `aclose()` and `async with`."""

    __slots__ = ()

    @abstractmethod
    async def aclose(self) -> None:
        """Async form of `close`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()


class AsyncClosing(Handle, ABC):
    """A handle of an async class: `close()` is a coroutine, beside `async with`."""

    __slots__ = ()

    @abstractmethod
    async def close(self) -> None:
        """Close it. Idempotent."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()
