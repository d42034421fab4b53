"""What a client is, however it waits."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .._config import open_client
from .._to_come import missing_attribute
from ..generated.async_ops.client import AsyncDaytonaMethods
from ..generated.async_ops.sandbox import AsyncSandboxesOps
from ..generated.async_ops.secret import AsyncSecretService
from ..generated.async_ops.snapshot import AsyncSnapshotService
from ..generated.async_ops.volume import AsyncVolumeService
from ..generated.config import DaytonaConfig
from .runtime import flush

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Client
    from ..generated.models.sandbox import SandboxEvent


class AsyncClientBase(AsyncDaytonaMethods):
    """The base of `AsyncDaytona`."""

    __slots__ = ("_config", "secret", "snapshot", "volume")

    # Package that is calling.
    _source: ClassVar[str]

    def __init__(self, config: DaytonaConfig | None = None) -> None:
        self._connect(config, open_client(config, self._source))

    def _connect(self, config: DaytonaConfig | None, client: Client) -> None:
        self._config = config
        self._client = client
        self._ops = AsyncSandboxesOps(client)
        self.snapshot = AsyncSnapshotService(client)
        self.volume = AsyncVolumeService(client)
        self.secret = AsyncSecretService(client)

    @classmethod
    def local(cls) -> Self:
        """A client for the local engine, which is started when it does not run. It needs no account."""
        return cls(DaytonaConfig(api_url="local"))

    async def events(self, sandbox_id: str | None = None) -> AsyncIterator[SandboxEvent]:
        """Iterates over the changes of sandboxes' states since the iteration began, without end.

        No change is lost, whatever happens to the connection; of several that a sandbox went through while there was
        none the last one is told.

        Args:
            sandbox_id: Id of the only sandbox to tell of. Default: all of the organization.
        """
        position = await self.begin_events()
        while True:
            found = await self.poll_events(position, sandbox_id)
            position = found.position
            for event in found.events:
                yield event

    async def close(self) -> None:
        """Refuses further operations; those in flight go on. Sandboxes are not touched. Waiting telemetry is sent."""
        self._client.close()
        if self._client.traced:
            await flush(self._client)

    def __repr__(self) -> str:
        api_url, target = self._client.place()
        return f"{type(self).__name__}(api_url={api_url!r}, target={target!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
