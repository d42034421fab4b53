"""Calls and streams for asyncio.

Outcomes arrive at a pump, one for each event loop, whose descriptor the loop watches: no foreign thread ever touches
the interpreter. Cancelling a task cancels the operation it waits for. Objects belong to no loop: a client outlives
`asyncio.run` and may be used in the next one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import weakref
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from .._daytona import OK, Pump
from .._wire import BATCH, envelope, failure, result
from ..generated.errors import DaytonaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from typing_extensions import Self

    from .._daytona import Call, Client, Form, Outcome, Stream

T = TypeVar("T")


class LoopPump:
    """The outcomes for one event loop, and the futures that wait for them."""

    __slots__ = ("_last", "_waiting", "native", "pid")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.native = Pump()
        self.pid = os.getpid()
        self._last = 0
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        loop.add_reader(self.native.fileno(), self._drain)

    def expect(self, loop: asyncio.AbstractEventLoop) -> tuple[int, asyncio.Future[Outcome]]:
        """A new id, and the future of the outcome that will have it."""
        self._last += 1
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting[self._last] = future
        return self._last, future

    def move(self, id: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Outcome]:
        """The future of an outcome that another loop, which has ended, was waiting for."""
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting[id] = future
        loop.add_reader(self.native.fileno(), self._drain)
        return future

    def forget(self, id: int) -> None:
        """Drops the outcome with this id when it comes."""
        self._waiting.pop(id, None)

    def _drain(self) -> None:
        for id, outcome in self.native.drain():
            future = self._waiting.pop(id, None)
            if future is not None and not future.done():
                future.set_result(outcome)


# A pump is held here and by its loop, and goes when the loop goes.
_pumps: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopPump] = weakref.WeakKeyDictionary()
_making = Lock()


def current_pump() -> tuple[asyncio.AbstractEventLoop, LoopPump]:
    """The running loop and its pump."""
    loop = asyncio.get_running_loop()
    pump = _pumps.get(loop)
    if pump is None or pump.pid != os.getpid():
        with _making:
            # A closed loop may live on in a reference cycle, but its descriptors need not.
            for other in [other for other in _pumps if other.is_closed()]:
                del _pumps[other]
            pump = LoopPump(loop)
            _pumps[loop] = pump
    return loop, pump


async def wait(start: Callable[[Pump, int], Call]) -> Outcome:
    """The outcome of a call; cancels it when the wait is left."""
    loop, pump = current_pump()
    id, future = pump.expect(loop)
    call = start(pump.native, id)
    try:
        return await future
    except BaseException:
        pump.forget(id)
        call.cancel()
        # Cancelled with the outcome on its way. Not left to the collector: tracebacks may hold the future to the end.
        if future.done() and not future.cancelled() and (made := future.result()[4]) is not None:
            made.discard()
        raise


async def flush(client: Client) -> None:
    """Sends the telemetry that waits."""
    await wait(lambda pump, id: client.start("client.flush", "", [], pump, id))


class AsyncService:
    """Base of the services: calls of one client, for one sandbox's toolbox or for none."""

    __slots__ = ("_client", "_target")

    def __init__(self, client: Client, target: str = "") -> None:
        self._client = client
        self._target = target

    async def _start(self, op: str, args: dict[str, Any], blobs: list[bytes], request_timeout: float | None) -> Outcome:
        json = envelope(self._client, self._target, args, request_timeout)
        return await wait(lambda pump, id: self._client.start(op, json, blobs, pump, id))

    async def _call(self, op: str, args: dict[str, Any], *, request_timeout: float | None = None) -> Any:
        return result(await self._start(op, args, [], request_timeout))

    async def _call_with_bytes(
        self, op: str, args: dict[str, Any], blobs: list[bytes], *, request_timeout: float | None = None
    ) -> tuple[Any, list[bytes]]:
        outcome = await self._start(op, args, blobs, request_timeout)
        return result(outcome), outcome[2]

    async def _open(self, op: str, args: dict[str, Any], *, request_timeout: float | None = None) -> AsyncStreamHandle:
        outcome = await self._start(op, args, [], request_timeout)
        info = result(outcome)
        assert outcome[3] is not None
        return AsyncStreamHandle(outcome[3], info)


class PendingRead:
    """A read whose outcome has not been taken yet."""

    __slots__ = ("_call", "_future", "_id", "_pump")

    def __init__(self, call: Call, pump: LoopPump, id: int, future: asyncio.Future[Outcome]) -> None:
        self._call = call  # Held: a call that is collected is cancelled.
        self._pump = pump
        self._id = id
        self._future = future

    def future_in(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Outcome]:
        """The outcome for a loop, which need not be the one the read was begun in."""
        begun_in = self._future.get_loop()
        if begun_in is not loop and not self._future.done():
            if not begun_in.is_closed():
                raise RuntimeError("The stream is being read in another event loop.")
            self._future = self._pump.move(self._id, loop)
        return self._future


class AsyncStreamHandle:
    """An open stream.

    A read that is left early (a timeout, a cancelled task) goes on, and the next read takes its outcome: nothing is
    lost.
    """

    __slots__ = ("_native", "_pending", "_reading", "closed", "ended", "info", "result")

    def __init__(self, native: Stream, info: Any) -> None:
        self._native = native
        self._pending: PendingRead | None = None
        self._reading = asyncio.Lock()
        self.info = info
        self.result: Any = None
        self.ended = False
        self.closed = False

    async def read(self, timeout: float | None = None, form: Form = "bytes") -> bytes | None:
        """The next batch; `None` at the end, when `result` is known, and after `close`.

        Raises:
            `TimeoutError` when there is nothing within `timeout` seconds.
        """
        async with self._reading:
            if self.ended or self.closed:
                return None
            loop, pump = current_pump()
            if self._pending is None:
                id, future = pump.expect(loop)
                self._pending = PendingRead(self._native.read(BATCH, pump.native, id, form), pump, id, future)
            future = self._pending.future_in(loop)
            # One that is done may be of a loop that has ended, and cannot be waited for.
            if not future.done():
                await asyncio.wait((future,), timeout=timeout)
            if not future.done():
                raise TimeoutError
            outcome = future.result()
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

    async def write(self, data: bytes) -> None:
        """Writes a piece; returns when there is room for the next one."""
        result(await wait(lambda pump, id: self._native.write(data, pump, id)))

    async def finish(self) -> None:
        """Ends the writing side in order."""
        result(await wait(lambda pump, id: self._native.finish(pump, id)))

    def close(self) -> None:
        """Closes the stream at once. May be called any number of times."""
        self.closed = True
        self._native.close()


async def finished(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of work that is not to be left half-way, such as deleting: a cancellation meanwhile waits for its end.

    Scopes of anyio cancel every wait inside them again and again; this one is shielded.
    """
    task = asyncio.ensure_future(work())
    cancellation: asyncio.CancelledError | None = None
    anyio: Any = sys.modules.get("anyio")
    with nullcontext() if anyio is None else anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError as error:
                cancellation = error
    if cancellation is not None:
        raise cancellation from task.exception()
    return task.result()


class MaybeAwaited:
    """Base of objects that begin when they are first used, or when they are awaited."""

    __slots__ = ()

    async def _begin(self) -> None:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Self]:
        yield from self._begin().__await__()
        return self


def begun(loaded: bool, begin: Callable[[], object]) -> None:
    """Refuses to look at what has not been awaited."""
    if not loaded:
        raise DaytonaError("The page has not been read yet: `page = await daytona.list(...)`.")


if TYPE_CHECKING:
    # How a stream is opened when it is first used.
    AsyncOpener = Callable[[], Awaitable[AsyncStreamHandle]]


async def deliver(handler: Callable[[T], Any], value: T) -> None:
    """Calls a handler, and waits when it is a coroutine function."""
    returned = handler(value)
    if inspect.isawaitable(returned):
        await returned
