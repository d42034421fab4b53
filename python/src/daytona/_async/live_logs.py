"""Live logs with handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..generated.async_ops.process import AsyncProcessOps
from .outputs import AsyncLogStream

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncLiveLogs(AsyncProcessOps):
    """The forms of live logs."""

    __slots__ = ()

    def stream_session_command_logs(self, session_id: str, command_id: str) -> AsyncLogStream:
        """The log of a command from its beginning, live until the command ends: iterate over it.

        The stream is opened when it is first read; errors such as `DaytonaNotFoundError` appear there.
        """
        return AsyncLogStream(lambda: self._stream_session_command_logs(session_id, command_id))

    def get_session_command_logs_stream(self, session_id: str, command_id: str) -> AsyncLogStream:
        """The same as `stream_session_command_logs`."""
        return self.stream_session_command_logs(session_id, command_id)

    async def get_session_command_logs_async(
        self,
        session_id: str,
        command_id: str,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> None:
        """Follows the log of a command from its beginning until the command ends.

        Args:
            on_stdout: Called with text of the standard output; may be a coroutine function.
            on_stderr: Called with text of the standard error; may be a coroutine function.

        Raises:
            `DaytonaNotFoundError` when there is no such command, `DaytonaConnectionError` when the stream breaks.
        """
        await self.stream_session_command_logs(session_id, command_id).deliver(on_stdout, on_stderr)

    def stream_entrypoint_logs(self) -> AsyncLogStream:
        """The log of the sandbox's entrypoint from its beginning, live until it ends: iterate over it."""
        return AsyncLogStream(self._stream_entrypoint_logs)

    async def get_entrypoint_logs_async(
        self, on_stdout: Callable[[str], Any] | None = None, on_stderr: Callable[[str], Any] | None = None
    ) -> None:
        """Follows the log of the sandbox's entrypoint from its beginning until it ends.

        Raises:
            `DaytonaNotFoundError` when the sandbox has no entrypoint, `DaytonaConnectionError` when the stream breaks.
        """
        await self.stream_entrypoint_logs().deliver(on_stdout, on_stderr)
