"""Commands, code, processes, sessions and terminals of a sandbox."""
# Derived from ../_async/process.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._requests import CodeRunParams, environment, log_pattern, session_request
from .._requests import pty_size as size_of
from ..generated.enums import OutputChannel
from .spawned import SpawnedProcess
from .terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from re import Pattern

    from .._daytona import Client
    from .._requests import SessionExecuteRequest
    from ..generated.enums import CodeLanguage
    from ..generated.models.process import ExecuteResponse, PtySessionInfo, PtySize, SessionExecuteResponse


class Process(Terminals):
    """Commands, code, processes, sessions and terminals of a sandbox."""

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
        params = CodeRunParams.given("params", params or {})
        return self._code_run(
            code,
            language or self._language,
            params.argv if argv is None else argv,
            params.env if env is None else env,
            timeout,
        )

    def spawn(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        *,
        stdin: bool = False,
        envs: dict[str, str] | None = None,
        env_vars: dict[str, str] | None = None,
    ) -> SpawnedProcess:
        """Starts a shell command as a process of its own and returns at once.

        It runs until it ends, is signalled or released, whether anybody reads its output or not. Release it when it is
        no longer needed, or use it as a context manager.

        Args:
            cwd: Working directory. Default: the sandbox's.
            env: Environment variables on top of the sandbox's. May be given as `envs` or `env_vars`.
            stdin: Whether its standard input is open for `write`. Default: it is at end of file from the start.

        Raises:
            `DaytonaInvalidArgumentError` for an empty command or a bad variable name.
        """
        info = self._spawn(command, cwd, environment(env, envs, env_vars), stdin)
        return SpawnedProcess(info, self)

    def list_spawned(self) -> list[SpawnedProcess]:
        """Returns the processes started with `spawn`, by whomever, that have not been released."""
        return [SpawnedProcess(info, self) for info in self._list_spawned()]

    def get_spawned(self, process_id: str) -> SpawnedProcess:
        """Returns a process started with `spawn`, by whomever: all of its output can be read again.

        Raises:
            `DaytonaProcessNotFoundError` when there is none: it was never started, or has been released.
        """
        return SpawnedProcess(self._get_spawned(process_id), self)

    def attach(self, process_id: str) -> SpawnedProcess:
        """The same as `get_spawned`."""
        return self.get_spawned(process_id)

    def wait_for_log(
        self,
        session_id: str,
        command_id: str,
        pattern: str | Pattern[str],
        timeout: float | None = None,
        *,
        regex: bool = False,
        channel: OutputChannel | str | None = None,
    ) -> str:
        """Waits until the log of a session's command has a line with `pattern`, looking from its beginning, and returns
        that line as far as it was written.

        Args:
            session_id: Id of the session.
            command_id: Id of the command.
            pattern: A text, or a regular expression: a compiled one, or text with `regex`.
            timeout: Seconds to wait; 0 = no limit. Default: 60.
            regex: Whether the text is a regular expression (no look-around, no back-references).
            channel: `stdout` or `stderr`. Default: both.

        Raises:
            `DaytonaCommandAlreadyCompletedError` when the command ends without such a line, `DaytonaTimeoutError`,
            `DaytonaInvalidArgumentError` for a bad regular expression, `DaytonaNotFoundError` when there is no such
            command.
        """
        text, is_regex = log_pattern(pattern, regex)
        only = None if channel is None else OutputChannel(channel)
        return self._wait_for_log(session_id, command_id, text, is_regex, only, timeout)

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
