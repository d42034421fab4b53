"""Files that are read or written piece by piece."""
# Derived from ../_async/streams.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._arguments import bytes_of
from .._files import DownloadProgress
from ..generated.errors import DaytonaCancelledError, DaytonaError
from .runtime import MaybeAwaited, deliver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from .._files import CancelEvent
    from .runtime import Opener, StreamHandle


class FileReader:
    """A download, read piece by piece. Nothing is taken from the network before it is read."""

    __slots__ = ("_open", "_rest", "_stream")

    def __init__(self, open: Opener) -> None:
        self._open = open
        self._stream: StreamHandle | None = None
        self._rest = b""

    def _opened(self) -> StreamHandle:
        if self._stream is None:
            self._stream = self._open()
        return self._stream

    @property
    def size(self) -> int | None:
        """Size of the file in bytes, where the server tells it; known once the download is open."""
        return None if self._stream is None else self._stream.info.get("size")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._piece()
        if not piece:
            raise StopIteration
        return piece

    def _piece(self) -> bytes:
        if self._rest:
            piece, self._rest = self._rest, b""
            return piece
        return (self._opened()).read() or b""

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; everything that is left when `size` is negative.

        Raises:
            `DaytonaFileNotFoundError` when the file does not exist, `DaytonaConnectionError` when the transfer is cut.
        """
        pieces: list[bytes] = []
        missing = size
        while size < 0 or missing > 0:
            piece = self._piece()
            if not piece:
                break
            if size >= 0 and missing < len(piece):
                self._rest = piece[missing:]
                piece = piece[:missing]
            missing -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Ends the download at once."""
        self._rest = b""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> FileReader:
        self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class DownloadStream(FileReader, MaybeAwaited):
    """A download to iterate over, piece by piece. The synchronous one may be awaited first, which opens it."""

    __slots__ = ("_cancel_event", "_on_progress", "_path", "_received")

    def __init__(
        self,
        open: Opener,
        path: str,
        on_progress: Callable[[DownloadProgress], Any] | None,
        cancel_event: CancelEvent | None,
    ) -> None:
        super().__init__(open)
        self._path = path
        self._on_progress = on_progress
        self._cancel_event = cancel_event
        self._received = 0

    def _begin(self) -> None:
        self._opened()

    def __next__(self) -> bytes:
        piece = super().__next__()
        if self._cancel_event is not None and self._cancel_event.is_set():
            self.close()
            raise DaytonaCancelledError(f"The download of {self._path!r} was cancelled.")
        self._received += len(piece)
        if self._on_progress is not None:
            deliver(self._on_progress, DownloadProgress(self._received, self.size))
        return piece


class FileWriter:
    """An upload, written piece by piece. The file appears when the upload is finished: with `finish`, or at the end of
    `async with` unless an exception leaves it.
    """

    __slots__ = ("_open", "_stream")

    def __init__(self, open: Opener) -> None:
        self._open = open
        self._stream: StreamHandle | None = None

    def _opened(self) -> StreamHandle:
        if self._stream is None:
            self._stream = self._open()
        return self._stream

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Writes a piece and returns its length; waits while the network is slower.

        Raises:
            `DaytonaConnectionError` when the transfer breaks.
        """
        piece = bytes_of("piece", data)
        (self._opened()).write(piece)
        return len(piece)

    def finish(self) -> None:
        """Ends the upload: the file is stored when this returns.

        Raises:
            `DaytonaValidationError` when the server cannot store it.
        """
        stream = self._opened()
        stream.finish()
        stream.close()

    def abort(self) -> None:
        """Gives the upload up."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> FileWriter:
        self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stream = self._stream
        if kind is not None:
            self.abort()
        elif stream is not None and not stream.closed:
            self.finish()


def closed_quietly(stream: StreamHandle) -> None:
    """Finishes and closes a stream that may have ended already."""
    try:
        if not stream.closed:
            stream.finish()
    except DaytonaError:
        # It broke or was closed from the other side: closing is all that is left.
        pass
    finally:
        stream.close()
