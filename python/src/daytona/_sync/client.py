"""The synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._config import open_client
from .._to_come import missing_attribute
from ..generated.config import DaytonaConfig
from ..generated.ops.client import DaytonaMethods
from ..generated.ops.sandbox import SandboxesOps
from ..generated.ops.snapshot import SnapshotService
from ..generated.ops.volume import VolumeService
from .runtime import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from .._async.client import AsyncDaytona
    from ..generated.models.sandbox import SandboxEvent


class Daytona(DaytonaMethods):
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

    __slots__ = ("_config", "snapshot", "volume")

    def __init__(self, config: DaytonaConfig | None = None) -> None:
        self._config = config
        self._client = open_client(config, "sdk-python")
        self._ops = SandboxesOps(self._client)
        self.snapshot = SnapshotService(self._client)
        self.volume = VolumeService(self._client)

    @classmethod
    def local(cls) -> Daytona:
        """A client for the local engine, which is started when it does not run. It needs no account."""
        return cls(DaytonaConfig(api_url="local"))

    def events(self, sandbox_id: str | None = None) -> Iterator[SandboxEvent]:
        """Iterates over the changes of sandboxes' states since the iteration began, without end.

        No change is lost, whatever happens to the connection; of several that a sandbox went through while there was
        none the last one is told.

        Args:
            sandbox_id: Id of the only sandbox to tell of. Default: all of the organization.
        """
        found = self.poll_events(sandbox_id=sandbox_id, timeout=0.001)
        while True:
            found = self.poll_events(found.position, sandbox_id)
            yield from found.events

    def close(self) -> None:
        """Refuses further operations; those in flight go on. Sandboxes are not touched. Waiting telemetry is sent."""
        self._client.close()
        if self._client.traced:
            wait(self._client.start("client.flush", "", []))

    def __repr__(self) -> str:
        api_url, target = self._client.place()
        return f"{type(self).__name__}(api_url={api_url!r}, target={target!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    def __enter__(self) -> Daytona:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncDaytona:
        """The asynchronous client with the same configuration: `async with Daytona() as daytona`."""
        from .._async.client import AsyncDaytona

        return AsyncDaytona.sharing(self._config, self._client)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
