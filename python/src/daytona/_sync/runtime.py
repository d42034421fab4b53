"""Calls and streams that block.

A wait runs without the GIL and looks for signals in between: what a signal handler raises (`KeyboardInterrupt`, a
timeout of one's own) leaves the call, and with it the operation is cancelled. Objects may be shared between threads.
"""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, TypeVar

from .._daytona import OK
from .._wire import BATCH, envelope, failure, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._daytona import Call, Client, Form, Outcome, Stream

T = TypeVar("T")


def wait(call: Call) -> Outcome:
    """The outcome of a call; cancels it when the wait is left."""
    try:
        outcome = call.wait()
    except BaseException:
        call.cancel()
        raise
    assert outcome is not None
    return outcome


def flush(client: Client) -> None:
    """Sends the telemetry that waits."""
    wait(client.start("client.flush", "", []))


class Service:
    """Base of the services: calls of one client, for one sandbox's toolbox or for none."""

    __slots__ = ("_client", "_target")

    def __init__(self, client: Client, target: str = "") -> None:
        self._client = client
        self._target = target

    def _call(self, op: str, args: dict[str, Any], *, request_timeout: float | None = None) -> Any:
        call = self._client.start(op, envelope(self._client, self._target, args, request_timeout), [])
        return result(wait(call))

    def _call_with_bytes(
        self, op: str, args: dict[str, Any], blobs: list[bytes], *, request_timeout: float | None = None
    ) -> tuple[Any, list[bytes]]:
        outcome = wait(self._client.start(op, envelope(self._client, self._target, args, request_timeout), blobs))
        return result(outcome), outcome[2]

    def _open(self, op: str, args: dict[str, Any], *, request_timeout: float | None = None) -> StreamHandle:
        outcome = wait(self._client.start(op, envelope(self._client, self._target, args, request_timeout), []))
        info = result(outcome)
        assert outcome[3] is not None
        return StreamHandle(outcome[3], info)


class StreamHandle:
    """An open stream.

    A read that is left early (a timeout, a signal) goes on, and the next read takes its outcome: nothing is lost.
    """

    __slots__ = ("_native", "_pending", "_reading", "closed", "ended", "info", "result")

    def __init__(self, native: Stream, info: Any) -> None:
        self._native = native
        self._pending: Call | None = None
        self._reading = allocate_lock()
        self.info = info
        self.result: Any = None
        self.ended = False
        self.closed = False

    def read(self, timeout: float | None = None, form: Form = "bytes") -> bytes | None:
        """The next batch; `None` at the end, when `result` is known, and after `close`.

        Raises:
            `TimeoutError` when there is nothing within `timeout` seconds.
        """
        with self._reading:
            if self.ended or self.closed:
                return None
            call = self._pending or self._native.read(BATCH, form=form)
            self._pending = call
            outcome = call.wait(timeout)
            if outcome is None:
                raise TimeoutError
            self._pending = None
            if outcome[0] != OK:
                if self.closed:
                    return None
                raise failure(outcome)
            if outcome[2]:
                return outcome[2][0]
            self.ended = True
            self.result = result(outcome)
            return None

    def write(self, data: bytes) -> None:
        """Writes a piece; returns when there is room for the next one."""
        result(wait(self._native.write(data)))

    def finish(self) -> None:
        """Ends the writing side in order."""
        result(wait(self._native.finish()))

    def close(self) -> None:
        """Closes the stream at once. May be called any number of times."""
        self.closed = True
        self._native.close()


def finished(work: Callable[[], T]) -> T:
    """The result of work, which the asynchronous client does to its end whatever cancels it."""
    return work()


class MaybeAwaited:
    """Base of objects that the asynchronous client may await."""

    __slots__ = ()


def begun(loaded: bool, begin: Callable[[], object]) -> None:
    """Reads what has not been read."""
    if not loaded:
        begin()


if TYPE_CHECKING:
    # How a stream is opened when it is first used.
    Opener = Callable[[], StreamHandle]


def deliver(handler: Callable[[T], Any], value: T) -> None:
    """Calls a handler."""
    handler(value)
