"""Files that are read or written piece by piece."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._arguments import bytes_of
from .._files import DownloadProgress
from ..generated.errors import DaytonaCancelledError, DaytonaError
from .runtime import MaybeAwaited, deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from .._files import CancelEvent
    from .runtime import AsyncOpener, AsyncStreamHandle


class AsyncFileReader:
    """A download, read piece by piece. Nothing is taken from the network before it is read."""

    __slots__ = ("_open", "_rest", "_stream")

    def __init__(self, open: AsyncOpener) -> None:
        self._open = open
        self._stream: AsyncStreamHandle | None = None
        self._rest = b""

    async def _opened(self) -> AsyncStreamHandle:
        if self._stream is None:
            self._stream = await self._open()
        return self._stream

    @property
    def size(self) -> int | None:
        """Size of the file in bytes, where the server tells it; known once the download is open."""
        return None if self._stream is None else self._stream.info.get("size")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._piece()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def _piece(self) -> bytes:
        if self._rest:
            piece, self._rest = self._rest, b""
            return piece
        return await (await self._opened()).read() or b""

    async def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; everything that is left when `size` is negative.

        Raises:
            `DaytonaFileNotFoundError` when the file does not exist, `DaytonaConnectionError` when the transfer is cut.
        """
        pieces: list[bytes] = []
        missing = size
        while size < 0 or missing > 0:
            piece = await self._piece()
            if not piece:
                break
            if size >= 0 and missing < len(piece):
                self._rest = piece[missing:]
                piece = piece[:missing]
            missing -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    async def close(self) -> None:
        """Ends the download at once."""
        self._rest = b""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncFileReader:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class AsyncDownloadStream(AsyncFileReader, MaybeAwaited):
    """A download to iterate over, piece by piece. The asynchronous one may be awaited first, which opens it."""

    __slots__ = ("_cancel_event", "_on_progress", "_path", "_received")

    def __init__(
        self,
        open: AsyncOpener,
        path: str,
        on_progress: Callable[[DownloadProgress], Any] | None,
        cancel_event: CancelEvent | None,
    ) -> None:
        super().__init__(open)
        self._path = path
        self._on_progress = on_progress
        self._cancel_event = cancel_event
        self._received = 0

    async def _begin(self) -> None:
        await self._opened()

    async def __anext__(self) -> bytes:
        piece = await super().__anext__()
        if self._cancel_event is not None and self._cancel_event.is_set():
            await self.close()
            raise DaytonaCancelledError(f"The download of {self._path!r} was cancelled.")
        self._received += len(piece)
        if self._on_progress is not None:
            await deliver(self._on_progress, DownloadProgress(self._received, self.size))
        return piece


class AsyncFileWriter:
    """An upload, written piece by piece. The file appears when the upload is finished: with `finish`, or at the end of
    `async with` unless an exception leaves it.
    """

    __slots__ = ("_open", "_stream")

    def __init__(self, open: AsyncOpener) -> None:
        self._open = open
        self._stream: AsyncStreamHandle | None = None

    async def _opened(self) -> AsyncStreamHandle:
        if self._stream is None:
            self._stream = await self._open()
        return self._stream

    async def write(self, data: bytes | bytearray | memoryview) -> int:
        """Writes a piece and returns its length; waits while the network is slower.

        Raises:
            `DaytonaConnectionError` when the transfer breaks.
        """
        piece = bytes_of("piece", data)
        await (await self._opened()).write(piece)
        return len(piece)

    async def finish(self) -> None:
        """Ends the upload: the file is stored when this returns.

        Raises:
            `DaytonaValidationError` when the server cannot store it.
        """
        stream = await self._opened()
        await stream.finish()
        stream.close()

    async def abort(self) -> None:
        """Gives the upload up."""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncFileWriter:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stream = self._stream
        if kind is not None:
            await self.abort()
        elif stream is not None and not stream.closed:
            await self.finish()


async def closed_quietly(stream: AsyncStreamHandle) -> None:
    """Finishes and closes a stream that may have ended already."""
    try:
        if not stream.closed:
            await stream.finish()
    except DaytonaError:
        # It broke or was closed from the other side: closing is all that is left.
        pass
    finally:
        stream.close()
