"""Hands your terminal to a sandbox, with asyncio: what you type goes there, full-screen programs work, the exit code is
the shell's.

DAYTONA_API_URL=local python shell_async.py [sandbox]

Without the id or name of a sandbox it makes one, and deletes it afterwards.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
import uuid
from collections.abc import Generator
from contextlib import contextmanager

from daytona import AsyncDaytona, AsyncPtyHandle, AsyncSandbox, DaytonaError, PtySize

STDIN, STDOUT = 0, 1


@contextmanager
def raw_terminal() -> Generator[None]:
    """Passes every key on as it is; gives the terminal back as it was, whatever happens."""
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


async def typed() -> bytes:
    """What is typed next; reading waits on the loop, so that nothing keeps the program from ending."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(STDIN, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(STDIN)
    return os.read(STDIN, 65536)


async def type_into(terminal: AsyncPtyHandle) -> None:
    """Sends what is typed until the terminal ends."""
    try:
        while data := await typed():
            await terminal.send_input(data)
    except (DaytonaError, OSError):
        pass  # One of both sides is gone; the main task sees it, too.


async def follow_size(terminal: AsyncPtyHandle) -> None:
    """Passes changes of the terminal's size on."""
    changed = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while await changed.wait():
            changed.clear()
            await terminal.resize(size())
    except DaytonaError:
        pass  # It has ended.


async def run_shell(sandbox: AsyncSandbox) -> int:
    environment = {"TERM": os.environ.get("TERM", "xterm-256color")}
    name = f"shell-{uuid.uuid4()}"
    terminal = await sandbox.process.create_pty_session(name, envs=environment, pty_size=size())
    async with terminal:
        with raw_terminal():
            helpers = [asyncio.create_task(work(terminal)) for work in (type_into, follow_size)]
            try:
                async for data in terminal:
                    while data:
                        data = data[os.write(STDOUT, data) :]
            finally:
                for helper in helpers:
                    helper.cancel()
                if terminal.exit_code is None:
                    await terminal.kill()
        return 1 if terminal.exit_code is None else terminal.exit_code


async def main() -> int:
    if not (os.isatty(STDIN) and os.isatty(STDOUT)):
        print("shell: standard input and output must be a terminal", file=sys.stderr)
        return 2
    async with AsyncDaytona() as daytona:
        if len(sys.argv) > 1:
            return await run_shell(await daytona.get(sys.argv[1]))
        async with await daytona.create() as sandbox:
            return await run_shell(sandbox)


async def until_ended() -> int:
    """Leaves in order when a signal would end the program."""
    task = asyncio.ensure_future(main())
    ended_by: list[int] = []

    def leave(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, leave, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by[0]


if __name__ == "__main__":
    sys.exit(asyncio.run(until_ended()))
