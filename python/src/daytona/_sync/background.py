"""Work that goes on beside its caller: a thread."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Background:
    """A daemon thread; it does not keep the program from ending."""

    __slots__ = ("_error", "_thread")

    def __init__(self, work: Callable[[], None]) -> None:
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(work,), name="daytona", daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        """Waits until the work has ended; raises what it raised.

        Raises:
            `TimeoutError` when it does not end within `timeout` seconds; the work goes on.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError
        if self._error is not None:
            raise self._error
