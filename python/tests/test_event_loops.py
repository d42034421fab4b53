"""Event loops that are not asyncio's own, and code written for anyio."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
import uvloop

from daytona import AsyncDaytona, Sandbox


def with_anyio(main: Coroutine[Any, Any, None]) -> None:
    async def run() -> None:
        await main

    anyio.run(run, backend_options={"use_uvloop": True})


@pytest.mark.parametrize("run", [uvloop.run, with_anyio])
def test_calls_streams_and_cancellation_work(
    sandbox: Sandbox, unique: str, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            process = (await client.get(sandbox.id)).process
            answers = await asyncio.gather(*(process.exec(f"echo {number}") for number in range(20)))
            assert [answer.result for answer in answers] == [f"{number}\n" for number in range(20)]
            async with await process.spawn("cat", stdin=True) as spawned:
                await spawned.write(b"through\n")
                await spawned.close_stdin()
                assert [line async for line in spawned.stdout] == ["through"]
            with anyio.move_on_after(1) as scope:
                await process.exec("sleep 1000")
            assert scope.cancelled_caught

    # A loop after the other, as programs have it that call `run` more than once.
    run(main())
    run(main())
