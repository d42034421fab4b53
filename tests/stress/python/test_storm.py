"""Thousands of cancelled calls leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading

from conftest import settled
from daytona import AsyncDaytona, Daytona, Sandbox, debug_stats

CALLS = 5000
AT_ONCE = 250


def test_a_storm_of_cancelled_calls(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            target = await client.get(sandbox.id)
            for start in range(0, CALLS, AT_ONCE):
                tasks = [asyncio.create_task(target.process.exec("sleep 1000")) for _ in range(AT_ONCE)]
                # Some are cancelled before they begin, some while they connect, some while they run.
                await asyncio.sleep(start % 4 * 0.01)
                for task in tasks:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            assert (await target.process.exec("echo alive")).result == "alive\n"

    asyncio.run(main())
    assert settled() == (0, 0)


def test_a_storm_of_opened_and_abandoned_streams(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            process = (await client.get(sandbox.id)).process
            await process.create_session("abandoned")
            request = {"command": "while :; do echo x; sleep 0.01; done", "run_async": True}
            command = await process.execute_session_command("abandoned", request)

            async def one(n: int) -> None:
                stream = process.stream_session_command_logs("abandoned", command.cmd_id)
                await stream.read()
                if n % 3 == 0:
                    await stream.close()
                elif n % 3 == 1:
                    # Left with a read in flight.
                    task = asyncio.ensure_future(stream.read())
                    await asyncio.sleep(0)
                    task.cancel()

            for _ in range(10):
                await asyncio.gather(*(one(n) for n in range(30)))
            await process.delete_session("abandoned")

    asyncio.run(main())
    assert settled() == (0, 0)


def test_clients_that_are_let_go_are_gone(sandbox: Sandbox) -> None:
    gc.collect()
    before = debug_stats()[2]
    for _ in range(100):
        with Daytona() as client:
            client.get(sandbox.id)
        del client
    gc.collect()
    assert debug_stats()[2] == before


def test_terminals_that_are_killed_leave_nothing(sandbox: Sandbox) -> None:
    def work() -> None:
        for _ in range(10):
            pty = sandbox.process.create_pty_session(f"let-go-{threading.get_ident()}")
            pty.kill()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settled() == (0, 0)
