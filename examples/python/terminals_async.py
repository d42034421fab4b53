"""Terminals: a shell as a person uses it, driven by a program. See shell_async.py for one that is driven by a person.

DAYTONA_API_URL=local python terminals_async.py
"""

from __future__ import annotations

import asyncio
import sys

from daytona import AsyncDaytona, AsyncSandbox, PtySize


async def create(sandbox: AsyncSandbox) -> None:
    # region: create
    async with await sandbox.process.create_pty_session("work", pty_size=PtySize(rows=30, cols=100)) as terminal:
        await terminal.send_input("stty size; exit 7\n")
        async for data in terminal:
            sys.stdout.buffer.write(data)
        print("exit code", terminal.exit_code)
    # endregion


async def resize_kill(sandbox: AsyncSandbox) -> None:
    # region: resize-kill
    terminal = await sandbox.process.create_pty_session("second")
    await terminal.resize(PtySize(rows=40, cols=120))
    await terminal.disconnect()  # Its session goes on.

    again = await sandbox.process.connect_pty_session("second")
    await again.kill()
    # endregion
    for session in await sandbox.process.list_pty_sessions():
        print(session.id, session.active)


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (create, resize_kill):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
