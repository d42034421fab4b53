"""Volumes: files that sandboxes share and that outlive them.

DAYTONA_API_URL=local python volumes.py
"""

from __future__ import annotations

import uuid

from daytona import CreateSandboxFromSnapshotParams, Daytona, VolumeMount


def share(daytona: Daytona, name: str) -> None:
    # region: share
    volume = daytona.volume.get(name, create=True)
    mount = VolumeMount(volume_id=volume.id, mount_path="/home/daytona/shared")
    params = CreateSandboxFromSnapshotParams(volumes=[mount])
    pool = [daytona.create(params) for _ in range(2)]
    try:
        pool[0].process.exec("echo 0.87 > shared/score")
        print(pool[1].process.exec("cat shared/score").result)
    finally:
        for sandbox in pool:
            sandbox.delete()
    # endregion


def subpath(daytona: Daytona, name: str) -> None:
    volume = daytona.volume.get(name)
    # region: subpath
    mount = VolumeMount(volume_id=volume.id, mount_path="/home/daytona/mine", subpath="tenants/42")
    with daytona.create(CreateSandboxFromSnapshotParams(volumes=[mount])) as sandbox:
        sandbox.process.exec("echo private > mine/notes")
    # endregion


def manage(daytona: Daytona, name: str) -> None:
    daytona.volume.delete(daytona.volume.get(name))
    name = f"{name}-next"
    # region: manage
    volume = daytona.volume.create(name)
    volume = daytona.volume.wait_for_ready(volume)
    print([known.name for known in daytona.volume.list()])
    daytona.volume.delete(volume)
    # endregion


def main() -> None:
    name = f"example-{uuid.uuid4()}"
    with Daytona() as daytona:
        for part in (share, subpath, manage):
            print(f"--- {part.__name__}", flush=True)
            part(daytona, name)


if __name__ == "__main__":
    main()
