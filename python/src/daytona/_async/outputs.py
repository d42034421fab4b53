"""What commands and processes write: as chunks, bytes, text, lines and files."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._frames import LogChunk, chunks, lines, pieces, texts
from ..generated.errors import DaytonaClosedError
from .reader import AsyncOutputReader
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Form
    from .runtime import AsyncOpener, AsyncStreamHandle

T = TypeVar("T")


class AsyncOutputStream(Generic[T]):
    """An output from its beginning, live until its command ends: iterate over it.

    Every stream has a connection of its own, opened when it is first read; nothing is taken from it before it is read.
    Leave or close it early as you like, the command goes on.
    """

    __slots__ = ("_form", "_items", "_items_of", "_open", "_stream")

    def __init__(self, open: AsyncOpener, form: Form, items_of: Callable[[bytes], list[T]]) -> None:
        self._open: AsyncOpener | None = open
        self._stream: AsyncStreamHandle | None = None
        self._form: Form = form
        self._items_of = items_of
        self._items: deque[T] = deque()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        item = await self.read()
        if item is None:
            raise StopAsyncIteration
        return item

    async def read(self, timeout: float | None = None) -> T | None:
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
                stream = self._stream = await self._open()
                self._open = None
            if stream.ended:
                return None
            batch = await stream.read(timeout, self._form)
            if stream.closed and not stream.ended:
                raise DaytonaClosedError("The stream has been closed.")
            if batch is None:
                return None
            self._items.extend(self._items_of(batch))
        return self._items.popleft()

    async def close(self) -> None:
        """Ends the stream at once; what was not read is dropped."""
        self._open = None
        self._items.clear()
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class AsyncLogStream(AsyncOutputStream[LogChunk]):
    """Both outputs of a command, in the order they came: iterate over the chunks."""

    __slots__ = ()

    def __init__(self, open: AsyncOpener) -> None:
        super().__init__(open, "characters", chunks)

    async def deliver(
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
        async with self:
            while (chunk := await self.read(None if end is None else max(0.0, end - monotonic()))) is not None:
                handler = on_stdout if chunk.channel == "stdout" else on_stderr
                if handler is not None and chunk.text:
                    await deliver(handler, chunk.text)


class AsyncProcessOutput:
    """One of the two outputs of a process. Iterate over it for its lines.

    It is read from its beginning, as often and by as many readers as you like: each has a connection of its own and
    takes no more from it than it is asked for. With `follow` a reader goes on until the process ends, without it ends
    with what has been written so far.
    """

    __slots__ = ("_opener",)

    def __init__(self, opener: Callable[[bool], AsyncOpener]) -> None:
        self._opener = opener

    def __aiter__(self) -> AsyncIterator[str]:
        return self.iter_lines()

    def iter_lines(self, follow: bool = True) -> AsyncOutputStream[str]:
        """The lines, without their ends. One of more than 16 MiB comes in pieces."""
        return AsyncOutputStream(self._opener(follow), "lines", lines)

    def iter_text(self, follow: bool = True) -> AsyncOutputStream[str]:
        """The text, piece by piece; no character is cut."""
        return AsyncOutputStream(self._opener(follow), "text", texts)

    def iter_bytes(self, follow: bool = True) -> AsyncOutputStream[bytes]:
        """The bytes as they came, piece by piece."""
        return AsyncOutputStream(self._opener(follow), "bytes", pieces)

    def open(self, follow: bool = True) -> AsyncOutputReader:
        """A binary file object that reads the output."""
        return AsyncOutputReader(self._opener(follow))

    async def read_text(self, follow: bool = True) -> str:
        """All of the text.

        Raises:
            `DaytonaNotFoundError` when the process has been released, `DaytonaConnectionError` when the stream breaks.
        """
        async with self.iter_text(follow) as pieces:
            return "".join([piece async for piece in pieces])

    async def read_bytes(self, follow: bool = True) -> bytes:
        """All of the bytes.

        Raises:
            `DaytonaNotFoundError` when the process has been released, `DaytonaConnectionError` when the stream breaks.
        """
        async with self.iter_bytes(follow) as pieces:
            return b"".join([piece async for piece in pieces])
