"""The stateful code interpreter of a sandbox."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from codecs import getincrementaldecoder
from json import loads
from typing import TYPE_CHECKING, Any

from .._frames import ERROR, STDERR, STDOUT, frames
from .._messages import OutputMessage
from ..generated.async_ops.code_interpreter import AsyncCodeInterpreterOps
from ..generated.models.code_interpreter import ExecutionError, ExecutionResult
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..generated.models.code_interpreter import InterpreterContext


class AsyncCodeInterpreter(AsyncCodeInterpreterOps):
    """The stateful code interpreter: variables, imports and functions last from run to run."""

    __slots__ = ()

    async def run_code(
        self,
        code: str,
        *,
        context: InterpreterContext | str | None = None,
        on_stdout: Callable[[OutputMessage], Any] | None = None,
        on_stderr: Callable[[OutputMessage], Any] | None = None,
        on_error: Callable[[ExecutionError], Any] | None = None,
        envs: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> ExecutionResult:
        """Runs Python code and returns its output. An exception in the code is a result, not an error.

        Args:
            code: The code.
            context: The context to run in, or its id. Default: the sandbox's default context.
            on_stdout: Called with standard output as it comes.
            on_stderr: Called with standard error as it comes.
            on_error: Called with the exception that ended the run.
            envs: Environment variables during this run.
            timeout: Seconds after which the run is interrupted; 0 = no limit. Default: 600.

        Raises:
            `DaytonaInvalidArgumentError` for empty code, `DaytonaTimeoutError` after `timeout` seconds,
            `DaytonaNotFoundError` for an unknown context, `DaytonaConnectionError` when the stream breaks.
        """
        context_id = context if context is None or isinstance(context, str) else context.id
        utf8 = getincrementaldecoder("utf-8")
        decoders = {STDOUT: utf8(errors="replace"), STDERR: utf8(errors="replace")}
        handlers = {STDOUT: on_stdout, STDERR: on_stderr}
        texts: dict[int, list[str]] = {STDOUT: [], STDERR: []}
        error: ExecutionError | None = None
        stream = await self._run_code(code, context_id, envs, timeout)
        try:
            while (batch := await stream.read()) is not None:
                for tag, content in frames(batch):
                    if tag == ERROR:
                        error = ExecutionError.from_wire(loads(content))
                        if on_error is not None:
                            await deliver(on_error, error)
                    elif tag in texts:
                        text = decoders[tag].decode(content)
                        texts[tag].append(text)
                        handler = handlers[tag]
                        if handler is not None and text:
                            await deliver(handler, OutputMessage(text))
        finally:
            stream.close()
        return ExecutionResult(stdout="".join(texts[STDOUT]), stderr="".join(texts[STDERR]), error=error)

    async def delete_context(self, context: InterpreterContext | str) -> None:
        """Ends a context, given as such or by its id, and its process.

        Raises:
            `DaytonaNotFoundError` when there is none, `DaytonaValidationError` for the default context.
        """
        await self._delete_context(context if isinstance(context, str) else context.id)
