"""The engine of a test: a process that ends with the one that started it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .._config import packaged_program
from ..generated.config import DaytonaConfig
from ..generated.errors import DaytonaConnectionError
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
        program = binary or environ.get("DAYTONA_LOCAL_BINARY") or packaged_program() or "daytona"
        command = [program, "local", "serve", "--testing", "--owner", str(os.getpid()), *arguments]
        with tempfile.TemporaryFile() as log:
            try:
                # Ctrl-C is for the tests, which end the engine when they are done.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise DaytonaConnectionError(
                    f"The engine's program {program!r} cannot be started: {error}. Install it with "
                    "`pip install 'daytona[local]'`, or set DAYTONA_LOCAL_BINARY."
                ) from error
            assert self._process.stdout is not None
            with self._process.stdout as out:
                place = out.readline().decode().strip()
            if not place:
                self._process.wait()
                log.seek(0)
                words = log.read().decode(errors="replace").strip()
                raise DaytonaConnectionError(f"The engine could not be started: {words}")
        announced = json.loads((Path(place) / "engine.json").read_text())
        self.api_url, self.api_key = announced["apiUrl"], announced["apiKey"]
        self._control = Control(self.api_url, self.api_key)
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
        answer = self._control("POST", "seed", {"sandboxes": list(sandboxes)})
        return cast("list[dict[str, Any]]", answer["sandboxes"])

    def reset(self) -> None:
        """Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working."""
        self._control("POST", "reset")

    def start_recording(self) -> None:
        """Begins to record what happens to sandboxes. A recording under way begins anew."""
        self._control("POST", "recording")

    def stop_recording(self) -> str:
        """Ends the recording and returns it, as JSON Lines.

        In a file it is what an engine with the arguments `["--replay", FILE]` answers from.

        Raises:
            DaytonaError: Nothing is recorded.
        """
        return cast("str", self._control("DELETE", "recording")["recording"])

    def recording_page(self, recording: str) -> str:
        """Returns the page that shows a recording, as HTML that needs nothing else.

        Args:
            recording: What `stop_recording` returned.
        """
        return cast("str", self._control("POST", "recording/page", {"recording": recording})["page"])

    def close(self) -> None:
        """Ends the engine with everything in it."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Engine(api_url={self.api_url!r})"
