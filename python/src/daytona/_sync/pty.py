"""A terminal."""
# Derived from ../_async/pty.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from .._arguments import text_or_bytes
from .._requests import size_of
from ..generated.errors import DaytonaConnectionError, DaytonaTimeoutError
from ..generated.models.process import PtyResult
from .background import Background
from .runtime import deliver
from .streams import closed_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from .._files import Bytes
    from ..generated.models.process import PtySessionInfo, PtySize
    from ..generated.ops.process import Process
    from .runtime import StreamHandle


class PtyHandle:
    """A connected terminal: write to it, iterate over its output, resize, wait, kill.

    Output goes to one place: to the handler given when it was made, to `wait(on_data)`, or to iteration. Leaving
    `async with` disconnects; the session goes on until its process ends or it is killed.
    """

    __slots__ = ("_background", "_handler", "_process", "_result", "_session_id", "_stream")

    def __init__(
        self,
        process: Process,
        session_id: str,
        stream: StreamHandle,
        on_data: Callable[[bytes], Any] | None = None,
    ) -> None:
        self._process = process
        self._session_id = session_id
        self._stream = stream
        self._result: PtyResult | None = None
        self._handler = on_data
        self._background = None if on_data is None else Background(self._deliver_all)

    @property
    def session_id(self) -> str:
        """Id of the session."""
        return self._session_id

    @property
    def exit_code(self) -> int | None:
        """Exit code of the terminal's process; `None` while it runs or when it is not known."""
        return None if self._result is None else self._result.exit_code

    @property
    def error(self) -> str | None:
        """Why the terminal ended, when its process did not simply exit with 0."""
        return None if self._result is None else self._result.error

    def is_connected(self) -> bool:
        """Whether the terminal is connected and has not ended."""
        return not (self._stream.ended or self._stream.closed)

    def wait_for_connection(self, timeout: float = 10.0) -> None:
        """Returns at once: a handle is made connected.

        Raises:
            `DaytonaConnectionError` when the connection has ended meanwhile.
        """
        if not self.is_connected():
            raise DaytonaConnectionError("The terminal is not connected any more.")

    def send_input(self, data: str | Bytes) -> None:
        """Writes to the terminal. Commands end with a line break.

        Raises:
            `DaytonaClosedError` after the terminal has ended or was disconnected, `DaytonaConnectionError` when the
            connection breaks.
        """
        self._stream.write(text_or_bytes("input", data))

    def write(self, data: str | Bytes) -> None:
        """The same as `send_input`."""
        self.send_input(data)

    def resize(
        self, pty_size: PtySize | int | None = None, rows: int | None = None, *, cols: int | None = None
    ) -> PtySessionInfo:
        """Changes the size: `resize(PtySize(rows=40, cols=120))` or `resize(120, 40)` with columns first.

        Raises:
            `DaytonaInvalidArgumentError` for a size outside 1 to 1000, `DaytonaNotFoundError` when the session is gone.
        """
        return self._process.resize_pty_session(self._session_id, size_of(pty_size, rows, cols))

    def kill(self) -> None:
        """Kills the terminal's processes and removes the session.

        Raises:
            `DaytonaNotFoundError` when the session is gone already.
        """
        self._process.kill_pty_session(self._session_id)

    def wait(self, on_data: Callable[[bytes], Any] | None = None, timeout: float | None = None) -> PtyResult:
        """Waits until the terminal ends, and passes its output to the handler meanwhile.

        Args:
            on_data: Called with output nobody else takes. Default: it is dropped.
            timeout: Seconds to wait. Default: no limit.

        Raises:
            `DaytonaTimeoutError` when it does not end in time; it goes on, and may be waited for again.
        """
        try:
            if self._background is not None:
                self._background.join(timeout)
            else:
                end = None if timeout is None else monotonic() + timeout
                while True:
                    piece = self._read(None if end is None else max(0.0, end - monotonic()))
                    if piece is None:
                        break
                    if on_data is not None:
                        deliver(on_data, piece)
        except TimeoutError:
            raise DaytonaTimeoutError(f"The terminal {self._session_id!r} did not end within {timeout} s.") from None
        return self._result or PtyResult()

    def disconnect(self) -> None:
        """Ends the connection; the session goes on."""
        closed_quietly(self._stream)

    def close(self) -> None:
        """The same as `disconnect`."""
        self.disconnect()

    def _read(self, timeout: float | None = None) -> bytes | None:
        piece = self._stream.read(timeout)
        if piece is None and self._stream.ended and self._result is None:
            self._result = PtyResult.from_wire(self._stream.result or {})
        return piece

    def _deliver_all(self) -> None:
        handler = self._handler
        assert handler is not None
        while (piece := self._read()) is not None:
            deliver(handler, piece)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._read()
        if piece is None:
            raise StopIteration
        return piece

    def __enter__(self) -> PtyHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(session_id={self._session_id!r}, connected={self.is_connected()})"
