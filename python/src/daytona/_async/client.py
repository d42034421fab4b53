"""The asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._config import open_client
from .._to_come import missing_attribute
from ..generated.async_ops.client import AsyncDaytonaMethods
from ..generated.async_ops.sandbox import AsyncSandboxesOps
from ..generated.async_ops.snapshot import AsyncSnapshotService
from ..generated.async_ops.volume import AsyncVolumeService
from ..generated.config import DaytonaConfig
from .runtime import wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from .._daytona import Client
    from ..generated.models.sandbox import SandboxEvent


class AsyncDaytona(AsyncDaytonaMethods):
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

    __slots__ = ("_config", "snapshot", "volume")

    def __init__(self, config: DaytonaConfig | None = None) -> None:
        self._config = config
        self._client = open_client(config, "sdk-python-async")
        self._ops = AsyncSandboxesOps(self._client)
        self.snapshot = AsyncSnapshotService(self._client)
        self.volume = AsyncVolumeService(self._client)

    @classmethod
    def local(cls) -> AsyncDaytona:
        """A client for the local engine, which is started when it does not run. It needs no account."""
        return cls(DaytonaConfig(api_url="local"))

    async def events(self, sandbox_id: str | None = None) -> AsyncIterator[SandboxEvent]:
        """Iterates over the changes of sandboxes' states since the iteration began, without end.

        No change is lost, whatever happens to the connection; of several that a sandbox went through while there was
        none the last one is told.

        Args:
            sandbox_id: Id of the only sandbox to tell of. Default: all of the organization.
        """
        found = await self.poll_events(sandbox_id=sandbox_id, timeout=0.001)
        while True:
            found = await self.poll_events(found.position, sandbox_id)
            for event in found.events:
                yield event

    async def close(self) -> None:
        """Refuses further operations; those in flight go on. Sandboxes are not touched. Waiting telemetry is sent."""
        self._client.close()
        if self._client.traced:
            await wait(lambda pump, id: self._client.start("client.flush", "", [], pump, id))

    @classmethod
    def sharing(cls, config: DaytonaConfig | None, client: Client) -> AsyncDaytona:
        """The asynchronous form of a client that exists."""
        daytona = cls.__new__(cls)
        daytona._config = config
        daytona._client = client
        daytona._ops = AsyncSandboxesOps(client)
        daytona.snapshot = AsyncSnapshotService(client)
        daytona.volume = AsyncVolumeService(client)
        return daytona

    def __repr__(self) -> str:
        api_url, target = self._client.place()
        return f"{type(self).__name__}(api_url={api_url!r}, target={target!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    async def __aenter__(self) -> AsyncDaytona:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
