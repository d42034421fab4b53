"""A terminal of this machine with the program on it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from conftest import LIMIT, Program


class Screen:
    """A terminal with the program on it."""

    def __init__(self, daytona: Program, *arguments: str) -> None:
        self.controller, self.terminal = pty.openpty()
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.terminal)
        self.shown = b""
        self.process = subprocess.Popen(
            [daytona.path, *arguments],
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            start_new_session=True,
            env=daytona.environment,
        )

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.controller, keys)

    def wait_for(self, text: bytes) -> None:
        end = time.monotonic() + LIMIT
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.controller], [], [], 0.1)[0]:
                self.shown += os.read(self.controller, 65536)

    def end(self) -> int:
        """Its exit code, when it has ended; the terminal is as it was."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < end, self.shown
            if select.select([self.controller], [], [], 0.05)[0]:
                self.shown += os.read(self.controller, 65536)
        assert termios.tcgetattr(self.terminal) == self.before
        return self.process.returncode


@contextmanager
def screen(daytona: Program, *arguments: str) -> Iterator[Screen]:
    made = Screen(daytona, *arguments)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        os.close(made.controller)
        os.close(made.terminal)
