"""The asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .client_base import AsyncClientBase

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._daytona import Client
    from ..generated.config import DaytonaConfig


class AsyncDaytona(AsyncClientBase):
    """Daytona's client for asyncio.

    One client serves a whole program: it may be shared between tasks, threads and event loops, and keeps its
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

    _source = "sdk-python-async"

    @classmethod
    def sharing(cls, config: DaytonaConfig | None, client: Client) -> Self:
        """The asynchronous form of a client that exists."""
        daytona = cls.__new__(cls)
        daytona._connect(config, client)
        return daytona
