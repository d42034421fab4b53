"""Directories in one round trip."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from conftest import eventually
from daytona import (
    AsyncDaytona,
    DaytonaCancelledError,
    DaytonaFileNotFoundError,
    DirectoryProgress,
    DirectoryResult,
    Sandbox,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "node_modules").mkdir()
    (root / "node_modules" / "big").write_bytes(b"x" * 1000)
    (root / "sub" / "ü").write_bytes(b"deep")
    (root / "run").write_bytes(b"#!/bin/sh\n")
    (root / "run").chmod(0o750)
    (root / "link").symlink_to("run")
    return root


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A directory that takes a while."""
    root = tmp_path / "noise"
    root.mkdir()
    (root / "noise").write_bytes(os.urandom(40 << 20))
    return root


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_a_directory_goes_up_and_comes_down(sandbox: Sandbox, unique: str, tree: Path, tmp_path: Path) -> None:
    up: list[DirectoryProgress] = []
    down: list[DirectoryProgress] = []
    result = sandbox.fs.upload_dir(tree, unique, exclude=["node_modules"], on_progress=up.append)
    assert result == DirectoryResult(files=2, bytes=14, skipped=[])
    assert up[-1] == DirectoryProgress(files=2, bytes=14, total_files=2, total_bytes=14)
    assert sandbox.fs.download_dir(unique, str(tmp_path / "back"), on_progress=down.append) == result
    assert (down[-1].files, down[-1].bytes, down[-1].total_bytes) == (2, 14, None)
    back = tmp_path / "back"
    assert names(back) == {"sub", "sub/empty", "sub/ü", "run", "link"}
    assert ((back / "run").stat().st_mode & 0o777, os.readlink(back / "link")) == (0o750, "run")
    with pytest.raises(DaytonaFileNotFoundError):
        sandbox.fs.download_dir(f"{unique}/nowhere", tmp_path / "nowhere")


def nothing_left(sandbox: Sandbox, unique: str) -> bool:
    listing = sandbox.process.exec(f"ls -A /tmp ~ | grep -e {unique} -e daytona-; true")
    return listing.result == ""


def test_one_that_is_cancelled_leaves_nothing(sandbox: Sandbox, unique: str, noise: Path) -> None:
    given_up = threading.Event()
    with pytest.raises(DaytonaCancelledError):
        sandbox.fs.upload_dir(noise, unique, on_progress=lambda _: given_up.set(), cancel_event=given_up)
    eventually(lambda: nothing_left(sandbox, unique))

    def interrupt(progress: DirectoryProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.fs.upload_dir(noise, unique, on_progress=interrupt)
    eventually(lambda: nothing_left(sandbox, unique))


def test_cancelling_a_task_leaves_nothing(sandbox: Sandbox, unique: str, noise: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            fs = (await client.get(sandbox.id)).fs
            begun = asyncio.Event()

            async def on_progress(progress: DirectoryProgress) -> None:
                begun.set()
                await asyncio.Event().wait()

            up = asyncio.create_task(fs.upload_dir(noise, unique, on_progress=on_progress))
            await begun.wait()
            up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await up
            await asyncio.to_thread(eventually, lambda: nothing_left(sandbox, unique))
            # Both at once, and seen through.
            small = tmp_path / "small"
            small.mkdir()
            (small / "file").write_bytes(b"1")
            await asyncio.gather(*(fs.upload_dir(small, f"{unique}/{n}") for n in range(5)))
            results = await asyncio.gather(*(fs.download_dir(f"{unique}/{n}", tmp_path / str(n)) for n in range(5)))
            assert [result.files for result in results] == [1] * 5

    asyncio.run(main())
    sandbox.process.exec(f"rm -rf ~/{unique}")
