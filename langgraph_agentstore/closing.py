"""What can be closed: by a method, or by the end of a `with` or an `async with` block."""

from __future__ import annotations

from abc import ABC, abstractmethod

from typing_extensions import Self


class Closing(ABC):
    """`close()` and `with`."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Ends it. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class AwaitedClosing(Closing):
    """Beside these `aclose()` and `async with`."""

    __slots__ = ()

    @abstractmethod
    async def aclose(self) -> None:
        """As `close`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()


class AsyncClosing(ABC):
    """`close()`, a coroutine as all methods of such a class, and `async with`."""

    __slots__ = ()

    @abstractmethod
    async def close(self) -> None:
        """Ends it. Idempotent."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()
