"""What a client is, however it waits."""
# Derived from ../_async/client_base.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .._config import open_client
from .._to_come import missing_attribute
from ..generated.config import DaytonaConfig
from ..generated.ops.client import DaytonaMethods
from ..generated.ops.sandbox import SandboxesOps
from ..generated.ops.secret import SecretService
from ..generated.ops.snapshot import SnapshotService
from ..generated.ops.volume import VolumeService
from .runtime import flush

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Client
    from ..generated.models.sandbox import SandboxEvent


class ClientBase(DaytonaMethods):
    """The base of `Daytona`."""

    __slots__ = ("_config", "secret", "snapshot", "volume")

    # Package that is calling.
    _source: ClassVar[str]

    def __init__(self, config: DaytonaConfig | None = None) -> None:
        self._connect(config, open_client(config, self._source))

    def _connect(self, config: DaytonaConfig | None, client: Client) -> None:
        self._config = config
        self._client = client
        self._ops = SandboxesOps(client)
        self.snapshot = SnapshotService(client)
        self.volume = VolumeService(client)
        self.secret = SecretService(client)

    @classmethod
    def local(cls) -> Self:
        """A client for the local engine, which is started when it does not run. It needs no account."""
        return cls(DaytonaConfig(api_url="local"))

    def events(self, sandbox_id: str | None = None) -> Iterator[SandboxEvent]:
        """Iterates over the changes of sandboxes' states since the iteration began, without end.

        No change is lost, whatever happens to the connection; of several that a sandbox went through while there was
        none the last one is told.

        Args:
            sandbox_id: Id of the only sandbox to tell of. Default: all of the organization.
        """
        position = self.begin_events()
        while True:
            found = self.poll_events(position, sandbox_id)
            position = found.position
            for event in found.events:
                yield event

    def close(self) -> None:
        """Refuses further operations; those in flight go on. Sandboxes are not touched. Waiting telemetry is sent."""
        self._client.close()
        if self._client.traced:
            flush(self._client)

    def __repr__(self) -> str:
        api_url, target = self._client.place()
        return f"{type(self).__name__}(api_url={api_url!r}, target={target!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
