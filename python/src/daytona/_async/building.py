"""Builds under way: the lines of their logs, and what they make."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.
# pyright: reportPrivateUsage=false
# The operations behind these are not public.

from __future__ import annotations

from collections import deque
from json import loads
from typing import TYPE_CHECKING, Any

from .._frames import frames
from ..generated.errors import DaytonaClosedError
from ..generated.models.snapshot import CreateSnapshotParams, Snapshot
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ..generated.async_ops.snapshot import AsyncSnapshotService
    from .runtime import AsyncOpener, AsyncStreamHandle


def _lines(batch: bytes) -> list[str]:
    return [loads(line)["text"] for _, line in frames(batch)]


async def built(stream: AsyncStreamHandle, on_logs: Callable[[str], Any]) -> Any:
    """Sees a build through and returns what it has made; whatever leaves this gives it up."""
    try:
        while (batch := await stream.read()) is not None:
            for line in _lines(batch):
                await deliver(on_logs, line)
    finally:
        stream.close()
    return stream.result


async def create_snapshot(
    service: AsyncSnapshotService,
    params: CreateSnapshotParams | Mapping[str, Any],
    on_logs: Callable[[str], Any] | None,
    timeout: float | None,
) -> Snapshot:
    """Creates a snapshot, with or without its log."""
    given = CreateSnapshotParams.given("params", params)
    if on_logs is None:
        return await service._create(given, timeout)
    stream = await service._create_with_logs(given, timeout)
    return Snapshot.from_wire(await built(stream, on_logs))


class AsyncSnapshotBuild:
    """A snapshot in the making: iterate over the lines of its log, and ask for its result.

    The build begins with the first line that is asked for. Leaving early ends the waiting only; the server goes on.
    """

    __slots__ = ("_lines", "_open", "_stream")

    def __init__(self, open: AsyncOpener) -> None:
        self._open: AsyncOpener | None = open
        self._stream: AsyncStreamHandle | None = None
        self._lines: deque[str] = deque()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while not self._lines:
            stream = self._stream
            if stream is None:
                if self._open is None:
                    raise DaytonaClosedError("The stream has been closed.")
                stream = self._stream = await self._open()
                self._open = None
            batch = await stream.read()
            if batch is None:
                if not stream.ended:
                    raise DaytonaClosedError("The stream has been closed.")
                raise StopAsyncIteration
            self._lines.extend(_lines(batch))
        return self._lines.popleft()

    async def result(self) -> Snapshot:
        """The snapshot, once it can be used. Lines that have not been read are dropped.

        Raises:
            `DaytonaError` when its image cannot be fetched or built: the error says why.
        """
        async for _ in self:
            pass
        assert self._stream is not None
        return Snapshot.from_wire(self._stream.result)

    async def close(self) -> None:
        """Ends the waiting at once."""
        self._open = None
        self._lines.clear()
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
