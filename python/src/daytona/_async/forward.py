"""Ports of a sandbox on this machine."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from .runtime import AsyncStreamHandle


class AsyncPortForward:
    """A port of this machine, on 127.0.0.1, that leads to a port of a sandbox.

    It is open until it is closed, its client is closed, or it is collected. Leaving `async with` closes it.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncStreamHandle) -> None:
        self._stream = stream

    @property
    def local_port(self) -> int:
        """The port of this machine."""
        port: int = self._stream.info["localPort"]
        return port

    @property
    def http_only(self) -> bool:
        """Whether only HTTP passes, WebSockets included, because the server offers no raw connections."""
        only: bool = self._stream.info["httpOnly"]
        return only

    async def close(self) -> None:
        """Stops listening and ends all connections at once. May be called any number of times."""
        self._stream.close()

    async def __aenter__(self) -> AsyncPortForward:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(local_port={self.local_port})"
