"""Terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._requests import environment
from ..generated.models.process import PtySize
from .live_logs import AsyncLiveLogs
from .pty import AsyncPtyHandle

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncTerminals(AsyncLiveLogs):
    """Making and finding terminals."""

    __slots__ = ()

    async def create_pty_session(
        self,
        id: str,
        on_data: Callable[[bytes], Any] | None = None,
        cwd: str | None = None,
        envs: dict[str, str] | None = None,
        pty_size: PtySize | None = None,
        *,
        env: dict[str, str] | None = None,
        env_vars: dict[str, str] | None = None,
    ) -> AsyncPtyHandle:
        """Creates a terminal session and connects to it.

        Args:
            id: Id of the session.
            on_data: Called with output as it comes, on a task of its own; may be a coroutine function. Default: read
                the output from the handle.
            cwd: Working directory. Default: the sandbox's.
            envs: Environment variables on top of the sandbox's. May be given as `env` or `env_vars`.
            pty_size: Size. Default: 80 columns, 24 rows.

        Raises:
            `DaytonaConflictError` when the id is taken, `DaytonaInvalidArgumentError` for a size outside 1 to 1000,
            `DaytonaConnectionError` when the terminal cannot be reached.
        """
        size = None if pty_size is None else PtySize.given("pty_size", pty_size)
        rows, cols = (None, None) if size is None else (size.rows, size.cols)
        stream = await self._create_pty(id, cwd, environment(envs, env, env_vars), rows, cols)
        return AsyncPtyHandle(self, stream.info.get("sessionId", id), stream, on_data)

    async def connect_pty_session(
        self, session_id: str, on_data: Callable[[bytes], Any] | None = None
    ) -> AsyncPtyHandle:
        """Connects to an existing terminal session. Only output from now on is seen.

        Args:
            session_id: Id of the session.
            on_data: Called with output as it comes, on a task of its own; may be a coroutine function. Default: read
                the output from the handle.

        Raises:
            `DaytonaNotFoundError` when there is none, `DaytonaConnectionError` when it cannot be reached.
        """
        return AsyncPtyHandle(self, session_id, await self._connect_pty(session_id), on_data)
