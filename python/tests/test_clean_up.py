"""What `async with` makes is gone afterwards, however it is left."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from daytona import AsyncDaytona, Daytona, DaytonaNotFoundError


def gone(daytona: Daytona, sandbox_id: str) -> bool:
    try:
        return daytona.get(sandbox_id).state in ("destroying", "destroyed")
    except DaytonaNotFoundError:
        return True


def none_left(daytona: Daytona, label: str) -> bool:
    return all(found.state in ("destroying", "destroyed") for found in daytona.list({"test": label}))


async def with_anyio_scope(work: Callable[[], Awaitable[None]]) -> None:
    with anyio.move_on_after(1) as scope:
        await work()
    assert scope.cancelled_caught


async def with_anyio_group(work: Callable[[], Awaitable[None]]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await anyio.sleep(1)
        group.cancel_scope.cancel()


async def with_wait_for(work: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(work(), 1)


async def cancelled_twice(work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    await asyncio.sleep(1)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


WAYS = [with_anyio_scope, with_anyio_group, with_wait_for, cancelled_twice]


@pytest.mark.parametrize("way", WAYS)
def test_a_sandbox_is_deleted_when_its_block_is_cancelled(
    daytona: Daytona, way: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
) -> None:
    seen: list[str] = []

    async def main() -> None:
        async with AsyncDaytona() as client:
            sandbox = await client.create()

            async def work() -> None:
                async with sandbox:
                    seen.append(sandbox.id)
                    await sandbox.process.exec("sleep 1000")

            await way(work)
            # Not some time later: when the block has been left.
            assert sandbox.state in ("destroying", "destroyed")

    asyncio.run(main())
    assert gone(daytona, seen[0])


def test_a_spawned_process_is_released_when_its_block_is_cancelled(daytona: Daytona) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client, await client.create() as sandbox:
            process = await sandbox.process.spawn("sleep 1000")
            with anyio.move_on_after(1):
                async with process:
                    await process.wait()
            assert await sandbox.process.list_spawned() == []

    asyncio.run(main())
