"""Processes: commands and programs with a result, processes that live, sessions.

DAYTONA_API_URL=local python processes_async.py
"""

from __future__ import annotations

import asyncio
import re
import sys

from daytona import AsyncDaytona, AsyncSandbox, CodeRunParams, DaytonaTimeoutError


async def exec(sandbox: AsyncSandbox) -> None:
    # region: exec
    result = await sandbox.process.exec('echo "$GREETING from $PWD"', cwd="/tmp", env={"GREETING": "hello"}, timeout=10)
    print(result.exit_code, result.result, end="")
    # endregion


async def code_run(sandbox: AsyncSandbox) -> None:
    # region: code-run
    program = "import sys; print(sum(map(int, sys.argv[1:])))"
    result = await sandbox.process.code_run(program, CodeRunParams(argv=["1", "2", "3"]))
    print(result.exit_code, result.result, end="")
    # endregion


async def spawn(sandbox: AsyncSandbox) -> None:
    # region: spawn
    command = "echo building; echo careful >&2; echo done"
    async with await sandbox.process.spawn(command) as process:  # Leaving ends it with everything it started.
        code = await process.wait(on_stdout=sys.stdout.write, on_stderr=sys.stderr.write)
        print("exit code", code)

        # Each reader has the whole output: as lines, as text, as bytes, or as a file.
        async for line in process.stdout:
            print("line:", line)
    # endregion


async def stdin(sandbox: AsyncSandbox) -> None:
    # region: stdin
    async with await sandbox.process.spawn("sort", stdin=True) as process:
        await process.write("pear\n")
        await process.write(b"apple\n")
        await process.close_stdin()
        print(await process.stdout.read_text(), end="")
    # endregion


async def signals(sandbox: AsyncSandbox) -> None:
    command = "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    # region: signals
    async with await sandbox.process.spawn(command) as process:
        await process.wait_for_log("ready")
        await process.send_signal("SIGTERM")
        try:
            print("exit code", await process.wait(timeout=5))
        except DaytonaTimeoutError:
            await process.kill()  # SIGKILL, to the whole tree.
    # endregion


async def reattach(sandbox: AsyncSandbox) -> None:
    # region: reattach
    process = await sandbox.process.spawn("echo first; sleep 1000")
    process_id = process.id  # All that it takes, from any program.

    found = await sandbox.process.attach(process_id)
    await found.wait_for_log("first")
    print(found.command, "wrote so far:", await found.stdout.read_text(follow=False))
    await found.release()
    # endregion


async def waits(sandbox: AsyncSandbox) -> None:
    # region: waits
    async with await sandbox.process.spawn("python3 -um http.server --bind 127.0.0.1 8000") as server:
        await sandbox.process.wait_for_port(8000, timeout=10)
        print(await server.wait_for_log(re.compile(r"port \d+")))
    # endregion


async def sessions(sandbox: AsyncSandbox) -> None:
    # region: sessions
    await sandbox.process.create_session("build")
    await sandbox.process.execute_session_command("build", "cd /tmp && NAME=world")
    result = await sandbox.process.execute_session_command("build", 'echo "hello $NAME from $PWD"')
    print(result.stdout, end="")
    await sandbox.process.delete_session("build")
    # endregion


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (exec, code_run, spawn, stdin, signals, reattach, waits, sessions):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
