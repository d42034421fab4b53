"""Hands your terminal to a sandbox: what you type goes there, full-screen programs work, the exit code is the shell's.

DAYTONA_API_URL=local python shell.py [sandbox]

Without the id or name of a sandbox it makes one, and deletes it afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import tty
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from daytona import Daytona, DaytonaError, PtyHandle, PtySize, Sandbox

STDIN, STDOUT = 0, 1


@contextmanager
def raw_terminal() -> Generator[None]:
    """Passes every key on as it is; gives the terminal back as it was, whatever happens."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    # A signal that would end the program leaves it in order instead.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    before = termios.tcgetattr(STDIN)
    try:
        tty.setraw(STDIN)
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSADRAIN, before)


def size() -> PtySize:
    columns, rows = os.get_terminal_size(STDIN)
    # A terminal may say that it has no size.
    return PtySize(rows=rows or 24, cols=columns or 80)


def type_into(terminal: PtyHandle) -> None:
    """Sends what is typed until the terminal ends."""
    try:
        while data := os.read(STDIN, 65536):
            terminal.send_input(data)
    except (DaytonaError, OSError):
        pass  # One of both sides is gone; the main thread sees it, too.


def run_shell(sandbox: Sandbox) -> int:
    environment = {"TERM": os.environ.get("TERM", "xterm-256color")}
    name = f"shell-{uuid.uuid4()}"
    with sandbox.process.create_pty_session(name, envs=environment, pty_size=size()) as terminal, raw_terminal():

        def resize(number: int, frame: FrameType | None) -> None:
            try:
                told = size()
                terminal.resize(told)
                # It may have changed again meanwhile.
                if size() != told:
                    terminal.resize(size())
            except DaytonaError:
                pass  # It has ended.

        signal.signal(signal.SIGWINCH, resize)
        threading.Thread(target=type_into, args=(terminal,), daemon=True).start()
        try:
            for data in terminal:
                while data:
                    data = data[os.write(STDOUT, data) :]
        finally:
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            if terminal.exit_code is None:
                terminal.kill()
        return 1 if terminal.exit_code is None else terminal.exit_code


def main() -> int:
    if not (os.isatty(STDIN) and os.isatty(STDOUT)):
        print("shell: standard input and output must be a terminal", file=sys.stderr)
        return 2
    with Daytona() as daytona:
        if len(sys.argv) > 1:
            return run_shell(daytona.get(sys.argv[1]))
        with daytona.create() as sandbox:
            return run_shell(sandbox)


if __name__ == "__main__":
    sys.exit(main())
