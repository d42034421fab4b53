"""One client and one sandbox for all tests, on the engine the environment selects (`DAYTONA_API_URL=local`)."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from daytona import Daytona, Sandbox

T = TypeVar("T")

# A job in the background ignores interrupts, and so would the programs that are started here to be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def daytona() -> Iterator[Daytona]:
    with Daytona() as client:
        yield client


@pytest.fixture(scope="session")
def sandbox(daytona: Daytona) -> Iterator[Sandbox]:
    with daytona.create() as sandbox:
        yield sandbox


@pytest.fixture
def unique() -> str:
    """A name nobody else uses."""
    return "t" + uuid.uuid4().hex[:12]


def eventually(check: Callable[[], T], limit: float = 120.0) -> T:
    """The first true answer; fails when there is none within the limit."""
    end = time.monotonic() + limit
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class Marked:
    """A command that says when it has begun, and would write a file long after."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox = sandbox
        self.begun = f"/tmp/{name}.begun"
        self.late = f"/tmp/{name}.late"
        # The odd number of seconds marks the process.
        self.sleep = f"sleep 1000.{int(name[1:], 16)}"
        self.command = f"touch {self.begun}; {self.sleep}; touch {self.late}"

    def exists(self, path: str) -> bool:
        return self.sandbox.process.exec(f"test -e {path}").exit_code == 0

    def wait_until_begun(self) -> None:
        eventually(lambda: self.exists(self.begun))

    def _sleeping(self) -> bool:
        mark = self.sleep.split()[1]
        script = f"for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$p 2>/dev/null | grep -x 'sleep {mark} ' ; done"
        return bool(self.sandbox.process.exec(script).result.strip())

    def assert_running(self) -> None:
        """The command goes on."""
        assert self._sleeping()

    def assert_stopped(self) -> None:
        """The command is gone, so the file can never appear."""
        eventually(lambda: not self._sleeping())
        assert not self.exists(self.late)


@pytest.fixture
def marked(sandbox: Sandbox, unique: str) -> Marked:
    return Marked(sandbox, unique)
