"""Many processes, much output: nothing is left behind, and nothing is held in memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from conftest import LIMIT, settled
from daytona import AsyncDaytona, Sandbox

PROCESSES = 60
BYTES = 200_000_000
# Growth of the memory while so much passes, in KiB: a few batches, and what the interpreter takes for itself.
GROWTH = 48 * 1024

READER = """
import resource, sys
from daytona import Daytona
with Daytona() as daytona:
    process = daytona.get(sys.argv[1]).process.attach(sys.argv[2])
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = process.stdout.iter_lines()
    size = len(next(lines)) + 1
    before = peak()
    size += sum(len(line) + 1 for line in lines)
    print(size, peak() - before)
"""


def test_a_storm_of_processes_leaves_nothing(sandbox: Sandbox) -> None:
    async def one(target, n: int) -> None:
        process = await target.process.spawn(f"seq {n}; cat; exec sleep 4321", stdin=True)
        # Left in every state: never read, read in part, being written to, killed.
        if n % 4 == 1:
            await process.stdout.iter_lines().read()
        elif n % 4 == 2:
            await process.write("x" * 10_000)
        elif n % 4 == 3:
            await process.kill()
        if n % 5:
            await process.release()

    async def main() -> None:
        async with AsyncDaytona() as client:
            target = await client.get(sandbox.id)
            tasks = [asyncio.create_task(one(target, n)) for n in range(PROCESSES)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks[::3]:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            errors = [e for e in outcomes if e is not None and not isinstance(e, asyncio.CancelledError)]
            assert errors == []
            # One whose start was cancelled may be there a moment later, and ends by itself.
            end = time.monotonic() + LIMIT
            while left := await target.process.list_spawned():
                assert time.monotonic() < end, left
                for process in left:
                    await process.release()

    asyncio.run(main())
    assert settled() == (0, 0)
    gone = "until ! pgrep -f '[s]leep 4321'; do sleep 0.05; done"
    assert sandbox.process.exec(gone, timeout=LIMIT).exit_code == 0


def test_much_output_passes_through_little_memory(sandbox: Sandbox) -> None:
    with sandbox.process.spawn(f"yes {'x' * 63} | head -c {BYTES}") as process:
        arguments = [sys.executable, "-c", READER, sandbox.id, process.id]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        size, growth = map(int, done.stdout.split())
        assert size == BYTES
        assert growth < GROWTH
