"""Work that goes on beside its caller: a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class AsyncBackground:
    """A task that is held until it ends."""

    __slots__ = ("_task",)

    def __init__(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._task = asyncio.create_task(work())

    async def join(self, timeout: float | None = None) -> None:
        """Waits until the work has ended; raises what it raised.

        Raises:
            `TimeoutError` when it does not end within `timeout` seconds; the work goes on.
        """
        await asyncio.wait((self._task,), timeout=timeout)
        if not self._task.done():
            raise TimeoutError
        self._task.result()
