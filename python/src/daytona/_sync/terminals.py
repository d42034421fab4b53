"""Terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._requests import environment
from ..generated.models.process import PtySize
from .live_logs import LiveLogs
from .pty import PtyHandle

if TYPE_CHECKING:
    from collections.abc import Callable


class Terminals(LiveLogs):
    """Making and finding terminals."""

    __slots__ = ()

    def create_pty_session(
        self,
        id: str,
        cwd: str | None = None,
        envs: dict[str, str] | None = None,
        pty_size: PtySize | None = None,
        *,
        on_data: Callable[[bytes], Any] | None = None,
        env: dict[str, str] | None = None,
        env_vars: dict[str, str] | None = None,
    ) -> PtyHandle:
        """Creates a terminal session and connects to it.

        Args:
            id: Id of the session.
            cwd: Working directory. Default: the sandbox's.
            envs: Environment variables on top of the sandbox's. May be given as `env` or `env_vars`.
            pty_size: Size. Default: 80 columns, 24 rows.
            on_data: Called with output as it comes, on a thread of its own. Default: read the output from the handle.

        Raises:
            `DaytonaConflictError` when the id is taken, `DaytonaInvalidArgumentError` for a size outside 1 to 1000,
            `DaytonaConnectionError` when the terminal cannot be reached.
        """
        size = None if pty_size is None else PtySize.given("pty_size", pty_size)
        rows, cols = (None, None) if size is None else (size.rows, size.cols)
        stream = self._create_pty(id, cwd, environment(envs, env, env_vars), rows, cols)
        return PtyHandle(self, stream.info.get("sessionId", id), stream, on_data)

    def connect_pty_session(self, session_id: str, on_data: Callable[[bytes], Any] | None = None) -> PtyHandle:
        """Connects to an existing terminal session. Only output from now on is seen.

        Args:
            session_id: Id of the session.
            on_data: Called with output as it comes, on a thread of its own. Default: read the output from the handle.

        Raises:
            `DaytonaNotFoundError` when there is none, `DaytonaConnectionError` when it cannot be reached.
        """
        return PtyHandle(self, session_id, self._connect_pty(session_id), on_data)
