"""Live logs with handlers: blocking, and as coroutines for programs that run a loop beside the synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ..generated.ops.process import ProcessOps
from .outputs import LogStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._async.live_logs import AsyncLiveLogs


class LiveLogs(ProcessOps):
    """The forms of live logs."""

    __slots__ = ()

    def stream_session_command_logs(self, session_id: str, command_id: str) -> LogStream:
        """The log of a command from its beginning, live until the command ends: iterate over it.

        The stream is opened when it is first read; errors such as `DaytonaNotFoundError` appear there.
        """
        return LogStream(lambda: self._stream_session_command_logs(session_id, command_id))

    @overload
    def get_session_command_logs_stream(self, session_id: str, command_id: str) -> LogStream: ...

    @overload
    def get_session_command_logs_stream(
        self,
        session_id: str,
        command_id: str,
        on_stdout: Callable[[str], Any] | None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> None: ...

    def get_session_command_logs_stream(
        self,
        session_id: str,
        command_id: str,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> LogStream | None:
        """Follows the log of a command from its beginning until the command ends: with handlers it blocks until then,
        without it returns a stream to iterate over.

        Args:
            on_stdout: Called with text of the standard output.
            on_stderr: Called with text of the standard error.

        Raises:
            `DaytonaNotFoundError` when there is no such command, `DaytonaConnectionError` when the stream breaks.
        """
        stream = self.stream_session_command_logs(session_id, command_id)
        if on_stdout is None and on_stderr is None:
            return stream
        stream.deliver(on_stdout, on_stderr)
        return None

    async def get_session_command_logs_async(
        self,
        session_id: str,
        command_id: str,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> None:
        """Follows the log of a command without blocking the running event loop.

        Args:
            on_stdout: Called with text of the standard output; may be a coroutine function.
            on_stderr: Called with text of the standard error; may be a coroutine function.

        Raises:
            `DaytonaNotFoundError` when there is no such command, `DaytonaConnectionError` when the stream breaks.
        """
        await self._asynchronous().get_session_command_logs_async(session_id, command_id, on_stdout, on_stderr)

    def stream_entrypoint_logs(self) -> LogStream:
        """The log of the sandbox's entrypoint from its beginning, live until it ends: iterate over it."""
        return LogStream(self._stream_entrypoint_logs)

    async def get_entrypoint_logs_async(
        self, on_stdout: Callable[[str], Any] | None = None, on_stderr: Callable[[str], Any] | None = None
    ) -> None:
        """Follows the log of the sandbox's entrypoint without blocking the running event loop.

        Raises:
            `DaytonaNotFoundError` when the sandbox has no entrypoint, `DaytonaConnectionError` when the stream breaks.
        """
        await self._asynchronous().get_entrypoint_logs_async(on_stdout, on_stderr)

    def _asynchronous(self) -> AsyncLiveLogs:
        from .._async.live_logs import AsyncLiveLogs

        return AsyncLiveLogs(self._client, self._target)
