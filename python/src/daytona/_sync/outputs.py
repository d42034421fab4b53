"""What commands and processes write: as chunks, bytes, text, lines and files."""
# Derived from ../_async/outputs.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._frames import LogChunk, chunks, lines, pieces, texts
from ..generated.errors import DaytonaClosedError
from .reader import OutputReader
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Form
    from .runtime import Opener, StreamHandle

T = TypeVar("T")


class OutputStream(Generic[T]):
    """An output from its beginning, live until its command ends: iterate over it.

    Every stream has a connection of its own, opened when it is first read; nothing is taken from it before it is read.
    Leave or close it early as you like, the command goes on.
    """

    __slots__ = ("_form", "_items", "_items_of", "_open", "_stream")

    def __init__(self, open: Opener, form: Form, items_of: Callable[[bytes], list[T]]) -> None:
        self._open: Opener | None = open
        self._stream: StreamHandle | None = None
        self._form: Form = form
        self._items_of = items_of
        self._items: deque[T] = deque()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self.read()
        if item is None:
            raise StopIteration
        return item

    def read(self, timeout: float | None = None) -> T | None:
        """The next piece, or `None` at the end.

        Args:
            timeout: Seconds to wait for it. Default: no limit.

        Raises:
            `DaytonaNotFoundError` when there is no such command, `DaytonaConnectionError` when the stream breaks,
            `TimeoutError` when there is nothing in time; nothing is lost, the next read goes on. `DaytonaClosedError`
            when the stream was closed before its end.
        """
        while not self._items:
            stream = self._stream
            if stream is None:
                if self._open is None:
                    raise DaytonaClosedError("The stream has been closed.")
                stream = self._stream = self._open()
                self._open = None
            if stream.ended:
                return None
            batch = stream.read(timeout, self._form)
            if stream.closed and not stream.ended:
                raise DaytonaClosedError("The stream has been closed.")
            if batch is None:
                return None
            self._items.extend(self._items_of(batch))
        return self._items.popleft()

    def close(self) -> None:
        """Ends the stream at once; what was not read is dropped."""
        self._open = None
        self._items.clear()
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class LogStream(OutputStream[LogChunk]):
    """Both outputs of a command, in the order they came: iterate over the chunks."""

    __slots__ = ()

    def __init__(self, open: Opener) -> None:
        super().__init__(open, "characters", chunks)

    def deliver(
        self,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Calls the handlers with the text of each chunk until the log ends.

        Raises:
            `TimeoutError` when it does not end within `timeout` seconds.
        """
        end = None if timeout is None else monotonic() + timeout
        with self:
            while (chunk := self.read(None if end is None else max(0.0, end - monotonic()))) is not None:
                handler = on_stdout if chunk.channel == "stdout" else on_stderr
                if handler is not None and chunk.text:
                    deliver(handler, chunk.text)


class ProcessOutput:
    """One of the two outputs of a process. Iterate over it for its lines.

    It is read from its beginning, as often and by as many readers as you like: each has a connection of its own and
    takes no more from it than it is asked for. With `follow` a reader goes on until the process ends, without it ends
    with what has been written so far.
    """

    __slots__ = ("_opener",)

    def __init__(self, opener: Callable[[bool], Opener]) -> None:
        self._opener = opener

    def __iter__(self) -> Iterator[str]:
        return self.iter_lines()

    def iter_lines(self, follow: bool = True) -> OutputStream[str]:
        """The lines, without their ends. One of more than 16 MiB comes in pieces."""
        return OutputStream(self._opener(follow), "lines", lines)

    def iter_text(self, follow: bool = True) -> OutputStream[str]:
        """The text, piece by piece; no character is cut."""
        return OutputStream(self._opener(follow), "text", texts)

    def iter_bytes(self, follow: bool = True) -> OutputStream[bytes]:
        """The bytes as they came, piece by piece."""
        return OutputStream(self._opener(follow), "bytes", pieces)

    def open(self, follow: bool = True) -> OutputReader:
        """A binary file object that reads the output."""
        return OutputReader(self._opener(follow))

    def read_text(self, follow: bool = True) -> str:
        """All of the text.

        Raises:
            `DaytonaNotFoundError` when the process has been released, `DaytonaConnectionError` when the stream breaks.
        """
        with self.iter_text(follow) as pieces:
            return "".join([piece for piece in pieces])

    def read_bytes(self, follow: bool = True) -> bytes:
        """All of the bytes.

        Raises:
            `DaytonaNotFoundError` when the process has been released, `DaytonaConnectionError` when the stream breaks.
        """
        with self.iter_bytes(follow) as pieces:
            return b"".join([piece for piece in pieces])
