"""What the synchronous client offers to programs that run an event loop beside it, and its blocking form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..generated.async_ops.process import AsyncProcess
    from ..generated.ops.process import Process
    from .outputs import LogStream


def asynchronous(process: Process) -> AsyncProcess:
    """The asynchronous form of the same."""
    from ..generated.async_ops.process import AsyncProcess

    return AsyncProcess(process._client, process._target)  # pyright: ignore[reportPrivateUsage]


def follow_log(
    stream: LogStream, on_stdout: Callable[[str], Any] | None, on_stderr: Callable[[str], Any] | None
) -> LogStream | None:
    """Passes a log on to its end when there are handlers for it; without, it is for the caller to read."""
    if on_stdout is None and on_stderr is None:
        return stream
    stream.deliver(on_stdout, on_stderr)
    return None
