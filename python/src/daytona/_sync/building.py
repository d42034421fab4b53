"""Builds under way: the lines of their logs, and what they make."""
# Derived from ../_async/building.py by `cargo xtask codegen`; do not edit.
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
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ..generated.ops.snapshot import SnapshotService
    from .runtime import Opener, StreamHandle


def _lines(batch: bytes) -> list[str]:
    return [loads(line)["text"] for _, line in frames(batch)]


def built(stream: StreamHandle, on_logs: Callable[[str], Any]) -> Any:
    """Sees a build through and returns what it has made; whatever leaves this gives it up."""
    try:
        while (batch := stream.read()) is not None:
            for line in _lines(batch):
                deliver(on_logs, line)
    finally:
        stream.close()
    return stream.result


def create_snapshot(
    service: SnapshotService,
    params: CreateSnapshotParams | Mapping[str, Any],
    on_logs: Callable[[str], Any] | None,
    timeout: float | None,
) -> Snapshot:
    """Creates a snapshot, with or without its log."""
    given = CreateSnapshotParams.given("params", params)
    if on_logs is None:
        return service._create(given, timeout)
    stream = service._create_with_logs(given, timeout)
    return Snapshot.from_wire(built(stream, on_logs))


class SnapshotBuild:
    """A snapshot in the making: iterate over the lines of its log, and ask for its result.

    The build begins with the first line that is asked for. Leaving early ends the waiting only; the server goes on.
    """

    __slots__ = ("_lines", "_open", "_stream")

    def __init__(self, open: Opener) -> None:
        self._open: Opener | None = open
        self._stream: StreamHandle | None = None
        self._lines: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._lines:
            stream = self._stream
            if stream is None:
                if self._open is None:
                    raise DaytonaClosedError("The stream has been closed.")
                stream = self._stream = self._open()
                self._open = None
            batch = stream.read()
            if batch is None:
                if not stream.ended:
                    raise DaytonaClosedError("The stream has been closed.")
                raise StopIteration
            self._lines.extend(_lines(batch))
        return self._lines.popleft()

    def result(self) -> Snapshot:
        """The snapshot, once it can be used. Lines that have not been read are dropped.

        Raises:
            `DaytonaError` when its image cannot be fetched or built: the error says why.
        """
        for _ in self:
            pass
        assert self._stream is not None
        return Snapshot.from_wire(self._stream.result)

    def close(self) -> None:
        """Ends the waiting at once."""
        self._open = None
        self._lines.clear()
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
