"""A process started with `spawn`."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.
# pyright: reportPrivateUsage=false
# The operations on processes are methods of this class only.

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from .._arguments import check_timeout
from ..generated.async_ops.spawned_process import AsyncSpawnedProcessMethods
from ..generated.enums import OutputChannel
from ..generated.errors import DaytonaTimeoutError
from ..generated.models.process import ProcessInfo
from .outputs import AsyncLogStream, AsyncProcessOutput
from .runtime import finished

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ..generated.async_ops.process import AsyncProcess
    from .runtime import AsyncOpener, AsyncStreamHandle

# The least a last look may take, in seconds: 0 would stand for no limit.
SHORTEST_WAIT = 0.1


class AsyncSpawnedProcess(AsyncSpawnedProcessMethods):
    """A process of its own in the sandbox: its outputs apart, its input, its exit code, signals to its whole tree.

    It runs until it ends, is signalled or released, whether anybody reads its output or not: the sandbox keeps the
    output until the process is released. `async with process:` releases it at the end.

    Attributes:
        id: Id, to attach to it again from anywhere.
        command: The command text.
        cwd: Working directory it was given.
        stdin: Whether its standard input was opened for writing.
        session_id: Session it runs in.
        command_id: Command of the session that runs it.
        exit_code: Exit code as last seen; `None` when it ran then.
    """

    __slots__ = ()

    def __init__(self, info: ProcessInfo, ops: AsyncProcess) -> None:
        for name in ProcessInfo.__slots__:
            setattr(self, name, getattr(info, name))
        self._ops = ops

    @property
    def stdout(self) -> AsyncProcessOutput:
        """Standard output."""
        return AsyncProcessOutput(lambda follow: self._opener(OutputChannel.STDOUT, follow))

    @property
    def stderr(self) -> AsyncProcessOutput:
        """Standard error."""
        return AsyncProcessOutput(lambda follow: self._opener(OutputChannel.STDERR, follow))

    def output(self, follow: bool = True) -> AsyncLogStream:
        """Both outputs from their beginning, in the order they came: iterate over the chunks.

        Args:
            follow: Whether to go on until the process ends, instead of ending with what there is.
        """
        return AsyncLogStream(self._opener(None, follow))

    def _opener(self, channel: OutputChannel | None, follow: bool) -> AsyncOpener:
        async def open() -> AsyncStreamHandle:
            return await self._ops._stream_output(self, channel, follow)

        return open

    async def wait(
        self,
        timeout: float | None = None,
        *,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> int:
        """Waits until the process has ended and returns its exit code: 128 + n when signal n ended it.

        Args:
            timeout: Seconds to wait; 0 = no limit. Default: no limit.
            on_stdout: Called with text of the standard output, from its beginning.
            on_stderr: Called with text of the standard error, from its beginning.

        Raises:
            `DaytonaTimeoutError` when it has not ended in time: it goes on, may be waited for again, and its output
            can be read as before. `DaytonaNotFoundError` when it has been released.
        """
        check_timeout(timeout)
        if on_stdout is not None or on_stderr is not None:
            begun = monotonic()
            try:
                await self.output().deliver(on_stdout, on_stderr, timeout or None)
            except TimeoutError:
                raise DaytonaTimeoutError(f"The process {self.id!r} did not end within {timeout} s.") from None
            if timeout:
                timeout = max(SHORTEST_WAIT, timeout - (monotonic() - begun))
        self.exit_code = await self._ops._wait_spawned(self, timeout)
        return self.exit_code

    async def __aenter__(self) -> AsyncSpawnedProcess:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await finished(self.release)

    # Two handles of one process are equal, whatever each has seen of it.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncSpawnedProcess) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)
