"""Images and snapshots: what sandboxes are made from.

DAYTONA_API_URL=local python images.py
"""

from __future__ import annotations

from pathlib import Path

from daytona import CreateSandboxFromSnapshotParams, CreateSnapshotParams, Daytona, Image, Resources

APP = Path(__file__).resolve().parent.parent / "data" / "node-app"


def science() -> None:
    # region: science
    image = (
        Image.debian_slim("3.12")
        .pip_install("numpy", "pandas>=2", "matplotlib")
        .run_commands("apt-get install -y git")
        .env({"MPLBACKEND": "Agg"})
        .workdir("/home/daytona")
    )
    print(image.dockerfile())
    # endregion


def app() -> None:
    # region: app
    image = Image.from_dockerfile(APP / "Dockerfile").env({"NODE_ENV": "production"})
    for context in image.context_list:
        print("copies", context.archive_path)
    # endregion


def snapshot(daytona: Daytona) -> None:
    # region: snapshot
    # The local engine's own system. Elsewhere: an image of a registry, or an Image.
    params = CreateSnapshotParams(name="base-python", image="default", resources=Resources(cpu=1, memory=1, disk=4))
    made = daytona.snapshot.create(params, on_logs=print)
    print(made.name, made.state)

    with daytona.create(CreateSandboxFromSnapshotParams(snapshot=made.name)) as sandbox:
        print(sandbox.process.exec("echo made from it").result)

    daytona.snapshot.delete(made)
    # endregion


def main() -> None:
    with Daytona() as daytona:
        print("--- science")
        science()
        print("--- app")
        app()
        print("--- snapshot")
        snapshot(daytona)


if __name__ == "__main__":
    main()
