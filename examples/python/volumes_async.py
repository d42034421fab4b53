"""Volumes: files that sandboxes share and that outlive them.

DAYTONA_API_URL=local python volumes_async.py
"""

from __future__ import annotations

import asyncio
import uuid

from daytona import AsyncDaytona, CreateSandboxFromSnapshotParams, VolumeMount


async def share(daytona: AsyncDaytona, name: str) -> None:
    # region: share
    volume = await daytona.volume.get(name, create=True)
    mount = VolumeMount(volume_id=volume.id, mount_path="/home/daytona/shared")
    params = CreateSandboxFromSnapshotParams(volumes=[mount])
    pool = await asyncio.gather(*(daytona.create(params) for _ in range(2)))
    try:
        await pool[0].process.exec("echo 0.87 > shared/score")
        print((await pool[1].process.exec("cat shared/score")).result)
    finally:
        for sandbox in pool:
            await sandbox.delete()
    # endregion


async def subpath(daytona: AsyncDaytona, name: str) -> None:
    volume = await daytona.volume.get(name)
    # region: subpath
    mount = VolumeMount(volume_id=volume.id, mount_path="/home/daytona/mine", subpath="tenants/42")
    async with await daytona.create(CreateSandboxFromSnapshotParams(volumes=[mount])) as sandbox:
        await sandbox.process.exec("echo private > mine/notes")
    # endregion


async def manage(daytona: AsyncDaytona, name: str) -> None:
    await daytona.volume.delete(await daytona.volume.get(name))
    name = f"{name}-next"
    # region: manage
    volume = await daytona.volume.create(name)
    volume = await daytona.volume.wait_for_ready(volume)
    print([known.name for known in await daytona.volume.list()])
    await daytona.volume.delete(volume)
    # endregion


async def main() -> None:
    name = f"example-{uuid.uuid4()}"
    async with AsyncDaytona() as daytona:
        for part in (share, subpath, manage):
            print(f"--- {part.__name__}", flush=True)
            await part(daytona, name)


if __name__ == "__main__":
    asyncio.run(main())
