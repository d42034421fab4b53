"""The engine of a test: a process that ends with the one that started it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from os import environ
from typing import TYPE_CHECKING, Any, cast

from .._config import open_client
from ..generated.config import DaytonaConfig
from ._controls import Clock, Control, Faults

if TYPE_CHECKING:
    from .. import AsyncDaytona, Daytona

# What decides where a client connects.
_SELECTING = (
    "DAYTONA_API_KEY",
    "DAYTONA_API_URL",
    "DAYTONA_JWT_TOKEN",
    "DAYTONA_ORGANIZATION_ID",
    "DAYTONA_SERVER_URL",
    "DAYTONA_TARGET",
)


class Engine:
    """An engine for this process alone, with sandboxes, a clock and faults of its own. Ready when it is made.

    It ends with `close`, with the `with` statement, and with this process, however that ends; what it kept goes with
    it.
    """

    api_url: str
    """Base URL of its API."""
    api_key: str
    """Its API key."""
    clock: Clock
    """Its time, which can be moved."""
    faults: Faults
    """Requests that fail."""

    def __init__(
        self,
        *,
        faults: Iterable[Mapping[str, Any]] = (),
        arguments: Iterable[str] = (),
        binary: str | None = None,
    ) -> None:
        """Starts the engine and waits until it is ready.

        Args:
            faults: Rules of faults to begin with, as `Faults.extend` takes them.
            arguments: Further arguments of `daytona local serve`, for example `["--isolation", "none"]`.
            binary: The `daytona` program. Default: `DAYTONA_LOCAL_BINARY`, else the one of `daytona[local]`, else
                the one on `PATH`.

        Raises:
            DaytonaConnectionError: It cannot be started; the message has its last words.
        """
        local = DaytonaConfig(api_url="local", local_binary=binary)
        started = Control(open_client(local, "sdk-python"))("start", [*arguments])
        self.api_url, self.api_key = started["apiUrl"], started["apiKey"]
        self._control = Control(open_client(self.config(), "sdk-python"))
        self.clock, self.faults = Clock(self._control), Faults(self._control)
        if faults := list(faults):
            self.faults.extend(faults)

    def config(self) -> DaytonaConfig:
        """Returns the configuration of clients of this engine."""
        return DaytonaConfig(api_url=self.api_url, api_key=self.api_key)

    def client(self) -> Daytona:
        """Returns a new client of this engine."""
        from .. import Daytona

        return Daytona(self.config())

    def async_client(self) -> AsyncDaytona:
        """Returns a new client of this engine for asyncio."""
        from .. import AsyncDaytona

        return AsyncDaytona(self.config())

    @contextmanager
    def selected(self) -> Generator[None]:
        """Makes this engine what clients without a configuration connect to, by environment variables."""
        before = {name: environ.pop(name, None) for name in _SELECTING}
        environ.update(DAYTONA_API_URL=self.api_url, DAYTONA_API_KEY=self.api_key)
        try:
            yield
        finally:
            for name, value in before.items():
                environ.pop(name, None)
                if value is not None:
                    environ[name] = value

    def seed(self, *sandboxes: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Makes sandboxes to begin a test with, and returns their documents once they are in their states.

        Args:
            sandboxes: What `POST /sandbox` takes, for example `{"name": "old", "state": "archived"}`. `state` is
                `started` (the default), `stopped`, `paused`, `archived` or `error`.

        Raises:
            DaytonaError: One of them is refused.
        """
        return cast("list[dict[str, Any]]", self._control("seed", list(sandboxes)))

    def reset(self) -> None:
        """Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working."""
        self._control("reset")

    def start_recording(self) -> None:
        """Begins to record what happens to sandboxes. A recording under way begins anew."""
        self._control("start_recording")

    def stop_recording(self) -> str:
        """Ends the recording and returns it, as JSON Lines.

        In a file it is what an engine with the arguments `["--replay", FILE]` answers from.

        Raises:
            DaytonaError: Nothing is recorded.
        """
        return cast("str", self._control("stop_recording"))

    def recording_page(self, recording: str) -> str:
        """Returns the page that shows a recording, as HTML that needs nothing else.

        Args:
            recording: What `stop_recording` returned.
        """
        return cast("str", self._control("recording_page", recording))

    def close(self) -> None:
        """Ends the engine with everything in it."""
        self._control("stop")

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Engine(api_url={self.api_url!r})"
