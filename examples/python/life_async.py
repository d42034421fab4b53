"""The life of a sandbox: pause, stop, archive, size, copies, intervals.

DAYTONA_API_URL=local python life_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, AsyncSandbox, Resources


async def pause(sandbox: AsyncSandbox) -> None:
    # region: pause
    await sandbox.pause()  # Its processes stand still and keep their memory.
    print(sandbox.state)
    await sandbox.start()
    # endregion
    print(sandbox.state)


async def archive(sandbox: AsyncSandbox) -> None:
    # region: archive
    await sandbox.process.exec("echo kept > note")
    await sandbox.stop()
    await sandbox.archive()
    await sandbox.start()
    print((await sandbox.process.exec("cat note")).result)
    # endregion


async def resize(sandbox: AsyncSandbox) -> None:
    # region: resize
    await sandbox.resize(Resources(cpu=2, memory=2))  # While it runs.
    await sandbox.stop()
    await sandbox.resize(Resources(disk=5))  # A disk takes a stopped sandbox.
    await sandbox.start()
    print(sandbox.cpu, sandbox.memory, sandbox.disk)
    # endregion


async def fork(sandbox: AsyncSandbox) -> None:
    # region: fork
    await sandbox.process.exec("echo original > note")
    async with await sandbox.fork() as copy:
        await copy.process.exec("echo copied >> note")
        print((await copy.process.exec("cat note")).result)
    print((await sandbox.process.exec("cat note")).result)
    # endregion


async def intervals(sandbox: AsyncSandbox) -> None:
    # region: intervals
    await sandbox.set_auto_stop_interval(30)  # Minutes without activity.
    await sandbox.set_auto_archive_interval(60)  # Minutes since it stopped.
    await sandbox.set_auto_delete_interval(24 * 60)
    await sandbox.set_ttl(7 * 24 * 60)  # Minutes from now, whatever its state.
    await sandbox.refresh_activity()
    # endregion
    print(sandbox.auto_stop_interval, sandbox.auto_destroy_at)


async def environment(sandbox: AsyncSandbox) -> None:
    # region: environment
    await sandbox.update_env(set={"STAGE": "test"}, unset=["OLDPWD"])
    print((await sandbox.process.exec("echo $STAGE")).result)
    # endregion


async def metrics(sandbox: AsyncSandbox) -> None:
    # region: metrics
    now = await sandbox.get_metrics_latest()
    print(now.mem_used, "of", now.mem_total)
    for at in await sandbox.get_metrics():  # Of the last hour.
        print(at.timestamp, at.cpu_used_pct)
    # endregion


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (pause, archive, resize, fork, intervals, environment, metrics):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
