"""The examples do what they say, and the shell gives the terminal back."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from conftest import eventually
from daytona import Daytona, Sandbox

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"
LIMIT = 180


@pytest.mark.parametrize("variant", ["", "_async"])
@pytest.mark.parametrize(
    "name",
    [
        "desktop",
        "files",
        "git",
        "images",
        "interpreter",
        "language_servers",
        "life",
        "network",
        "previews",
        "processes",
        "secrets",
        "ssh",
        "telemetry",
        "terminals",
        "volumes",
        "webhooks",
    ],
)
def test_an_example_runs_and_deletes_its_sandbox(daytona: Daytona, name: str, variant: str, tmp_path: Path) -> None:
    before = {sandbox.id for sandbox in daytona.list()}
    program = [sys.executable, EXAMPLES / f"{name}{variant}.py"]
    done = subprocess.run(program, capture_output=True, cwd=tmp_path, timeout=LIMIT)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"--- ") > 1
    # One that is being deleted is still listed for a while.
    eventually(lambda: {sandbox.id for sandbox in daytona.list()} <= before)


@pytest.mark.parametrize("name", ["first", "first_async"])
def test_the_first_program_says_hello(daytona: Daytona, name: str) -> None:
    program = [sys.executable, EXAMPLES / f"{name}.py"]
    done = subprocess.run(program, capture_output=True, timeout=LIMIT)
    assert (done.returncode, done.stdout.strip()) == (0, b"hello"), done.stderr.decode()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, arguments: list[str]) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        self.process = subprocess.Popen(
            arguments,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def resize(self, rows: int, cols: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def read_until(self, pattern: str) -> None:
        """Reads output until the pattern is in it; what was read is gone."""
        end = time.monotonic() + LIMIT
        while not (found := re.search(pattern.encode(), self.output)):
            readable, _, _ = select.select([self.master], [], [], end - time.monotonic())
            assert readable, f"{pattern!r} is not in {self.output!r}"
            self.output += os.read(self.master, 65536)
        self.output = self.output[found.end() :]

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def exit_code(self) -> int:
        try:
            return self.process.wait(LIMIT)
        finally:
            self.process.kill()
            assert termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture(params=["shell.py", "shell_async.py"])
def shell(sandbox: Sandbox, request: pytest.FixtureRequest):
    terminal = Terminal([sys.executable, str(EXAMPLES / request.param), sandbox.id])
    terminal.read_until(r"\$ ")
    yield terminal
    terminal.close()


def test_the_shell_passes_keys_and_the_exit_code_on(shell: Terminal) -> None:
    assert shell.is_raw()
    shell.type("echo $((40 + 2))\n")
    shell.read_until("\r42\r\n")
    shell.type("cat\n")
    shell.type("\x03")
    shell.read_until(r"\^C")
    shell.type("exit 7\n")
    assert shell.exit_code() == 7


def test_the_shell_follows_the_size_of_its_terminal(shell: Terminal) -> None:
    shell.resize(41, 121)
    shell.type("until [ \"$(stty size)\" = '41 121' ]; do sleep 0.05; done; echo it is $((41 * 121))\n")
    shell.read_until("it is 4961")
    shell.type("exit\n")
    assert shell.exit_code() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_shell_gives_the_terminal_back_when_it_is_ended(sandbox: Sandbox, shell: Terminal, number: int) -> None:
    assert shell.is_raw()
    shell.process.send_signal(number)
    assert shell.exit_code() == 128 + number
    eventually(lambda: not any(session.id.startswith("shell-") for session in sandbox.process.list_pty_sessions()))


@pytest.mark.parametrize("variant", ["shell.py", "shell_async.py"])
def test_the_shell_refuses_what_is_no_terminal(variant: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / variant], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 2
    assert b"terminal" in done.stderr
