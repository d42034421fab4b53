"""Commands, code, sessions and terminals of a sandbox."""
# Derived from ../_async/process.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._requests import CodeRunParams, environment, session_request
from .._requests import pty_size as size_of
from .terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._daytona import Client
    from .._requests import SessionExecuteRequest
    from ..generated.enums import CodeLanguage
    from ..generated.models.process import ExecuteResponse, PtySessionInfo, PtySize, SessionExecuteResponse


class Process(Terminals):
    """Commands, code, sessions and terminals of a sandbox."""

    __slots__ = ("_language",)

    def __init__(self, client: Client, target: str, language: str = "python") -> None:
        super().__init__(client, target)
        self._language = language

    def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout: float | None = None,
        *,
        envs: dict[str, str] | None = None,
        env_vars: dict[str, str] | None = None,
    ) -> ExecuteResponse:
        """Runs a shell command and returns its exit code and output.

        The command is killed with everything it started when the call is cancelled or `timeout` passes.

        Args:
            cwd: Working directory. Default: the sandbox's.
            env: Environment variables on top of the sandbox's. May be given as `envs` or `env_vars`.
            timeout: Seconds after which the command is killed; 0 = no limit. Default: no limit.

        Raises:
            `DaytonaValidationError` for an empty command, `DaytonaTimeoutError`
            (`DaytonaProcessExecutionTimeoutError`) after `timeout` seconds.
        """
        return super().exec(command, cwd, environment(env, envs, env_vars), timeout)

    def code_run(
        self,
        code: str,
        params: CodeRunParams | None = None,
        timeout: float | None = None,
        *,
        language: CodeLanguage | str | None = None,
        argv: list[str] | None = None,
        env: dict[str, str] | None = None,
    ) -> ExecuteResponse:
        """Runs a program and returns its exit code, output and charts. Each run is a process of its own; see the code
        interpreter for variables that last.

        Args:
            code: The program.
            params: Arguments and environment variables; `argv` and `env` are the same as keywords.
            timeout: Seconds after which the program is killed; 0 = no limit. Default: no limit.
            language: `python`, `typescript` or `javascript`. Default: the sandbox's.

        Raises:
            `DaytonaValidationError` for another language, `DaytonaTimeoutError`
            (`DaytonaProcessExecutionTimeoutError`) after `timeout` seconds.
        """
        params = params or CodeRunParams()
        return self._code_run(
            code,
            language or self._language,
            params.argv if argv is None else argv,
            params.env if env is None else env,
            timeout,
        )

    def execute_session_command(
        self,
        session_id: str,
        req: SessionExecuteRequest | Mapping[str, Any] | str,
        timeout: float | None = None,
    ) -> SessionExecuteResponse:
        """Runs a command in a session: waits for it, or with `run_async` returns its id at once.

        Args:
            session_id: Id of the session.
            req: `SessionExecuteRequest`, a dictionary of its fields, or the command's text.
            timeout: Seconds the call may take, not the command, which goes on; 0 = no limit. Default: no limit.

        Raises:
            `DaytonaValidationError` for an empty command, `DaytonaNotFoundError` without such a session,
            `DaytonaTimeoutError` after `timeout` seconds.
        """
        return self._execute_session_command(session_id, session_request(req), timeout)

    def resize_pty_session(
        self,
        session_id: str,
        pty_size: PtySize | int | None = None,
        rows: int | None = None,
        *,
        cols: int | None = None,
    ) -> PtySessionInfo:
        """Changes the size of a terminal, given as `PtySize` or as columns and rows.

        Raises:
            `DaytonaInvalidArgumentError` for a size outside 1 to 1000, `DaytonaNotFoundError` or `DaytonaGoneError`
            when there is no such session.
        """
        size = size_of(pty_size, rows, cols)
        return self._resize_pty_session(session_id, size.rows, size.cols)

    def delete_pty_session(self, session_id: str) -> None:
        """The same as `kill_pty_session`."""
        self.kill_pty_session(session_id)
