"""The synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .client_base import ClientBase

if TYPE_CHECKING:
    from types import TracebackType

    from .._async.client import AsyncDaytona


class Daytona(ClientBase):
    """Daytona's client.

    One client serves a whole program: it may be shared between threads, and keeps its
    connections. Close it, or use it as a context manager.

    Attributes:
        snapshot: The snapshots.
        volume: The volumes.

    Args:
        config: Configuration. What it does not say comes from the environment, `.env.local`, `.env`, or the default.

    Raises:
        `DaytonaAuthenticationError` without credentials, `DaytonaInvalidArgumentError` for an unusable value.
    """

    __slots__ = ()

    _source = "sdk-python"

    async def __aenter__(self) -> AsyncDaytona:
        """The asynchronous client with the same configuration: `async with Daytona() as daytona`."""
        from .._async.client import AsyncDaytona

        return AsyncDaytona.sharing(self._config, self._client)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
