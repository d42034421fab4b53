"""An output as a file object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._frames import content

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from .runtime import AsyncOpener, AsyncStreamHandle


class AsyncOutputReader:
    """An output of a process as a binary file object; iterate over it for its lines, with their ends."""

    __slots__ = ("_open", "_rest", "_stream")

    def __init__(self, open: AsyncOpener) -> None:
        self._open: AsyncOpener | None = open
        self._stream: AsyncStreamHandle | None = None
        self._rest = b""

    async def _piece(self) -> bytes:
        """What is there; nothing at the end."""
        if self._rest:
            piece, self._rest = self._rest, b""
            return piece
        if self._stream is None:
            if self._open is None:
                return b""
            self._stream = await self._open()
            self._open = None
        while (batch := await self._stream.read()) is not None:
            if piece := content(batch):
                return piece
        return b""

    async def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; everything that is left when `size` is negative.

        Raises:
            `DaytonaNotFoundError` when the process has been released, `DaytonaConnectionError` when the stream breaks.
        """
        pieces: list[bytes] = []
        missing = size
        while size < 0 or missing > 0:
            piece = await self._piece()
            if not piece:
                break
            if size >= 0 and missing < len(piece):
                piece, self._rest = piece[:missing], piece[missing:]
            missing -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    async def readline(self, size: int = -1) -> bytes:
        """The next line with its end, or up to `size` bytes of it; nothing at the end.

        Raises:
            As for `read`.
        """
        pieces: list[bytes] = []
        missing = size
        while size < 0 or missing > 0:
            piece = await self._piece()
            if not piece:
                break
            end = piece.find(b"\n") + 1 or len(piece)
            if size >= 0:
                end = min(end, missing)
            piece, self._rest = piece[:end], piece[end:]
            missing -= len(piece)
            pieces.append(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    async def close(self) -> None:
        """Ends the connection; the process goes on."""
        self._open = None
        self._rest = b""
        if self._stream is not None:
            self._stream.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def __aenter__(self) -> AsyncOutputReader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
