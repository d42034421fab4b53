"""An output as a file object."""

from __future__ import annotations

from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any

from .._frames import content

if TYPE_CHECKING:
    from .runtime import Opener, StreamHandle


class OutputReader(BufferedReader):
    """An output of a process as a binary file object: `read`, `readline`, iteration over lines with their ends;
    `io.TextIOWrapper` makes it a text file.
    """

    def __init__(self, open: Opener) -> None:
        super().__init__(_RawOutput(open))


class _RawOutput(RawIOBase):
    """What is buffered."""

    def __init__(self, open: Opener) -> None:
        self._open = open
        self._stream: StreamHandle | None = None
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._stream is None:
            self._stream = self._open()
        while not self._rest:
            batch = self._stream.read()
            if batch is None:
                return 0
            self._rest = memoryview(content(batch))
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        super().close()
