"""A run of the code interpreter, seen through."""
# Derived from ../_async/run.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any

from .._frames import ERROR, STDERR, STDOUT, frames
from .._messages import OutputMessage
from ..generated.models.code_interpreter import ExecutionError, ExecutionResult
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from .runtime import StreamHandle


def run(
    stream: StreamHandle,
    on_stdout: Callable[[OutputMessage], Any] | None,
    on_stderr: Callable[[OutputMessage], Any] | None,
    on_error: Callable[[ExecutionError], Any] | None,
) -> ExecutionResult:
    """Passes the output on while it comes, and returns all of it."""
    handlers = {STDOUT: on_stdout, STDERR: on_stderr}
    texts: dict[int, list[str]] = {STDOUT: [], STDERR: []}
    error: ExecutionError | None = None
    try:
        while (batch := stream.read(form="text")) is not None:
            for tag, content in frames(batch):
                if tag == ERROR:
                    error = ExecutionError.from_wire(loads(content))
                    if on_error is not None:
                        deliver(on_error, error)
                elif tag in texts:
                    text = content.decode()
                    texts[tag].append(text)
                    handler = handlers[tag]
                    if handler is not None and text:
                        deliver(handler, OutputMessage(text))
    finally:
        stream.close()
    return ExecutionResult(stdout="".join(texts[STDOUT]), stderr="".join(texts[STDERR]), error=error)
