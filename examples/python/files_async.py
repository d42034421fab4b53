"""Files: up and down, piece by piece, many at once, whole directories, searching, permissions.

DAYTONA_API_URL=local python files_async.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from daytona import AsyncDaytona, AsyncSandbox, DirectoryProgress, FileDownloadRequest, FileUpload, UploadProgress


async def upload_download(sandbox: AsyncSandbox, directory: Path) -> None:
    local = directory / "greeting.txt"
    # region: upload-download
    await sandbox.fs.upload_file(b"hello\n", "work/greeting.txt")
    print(await sandbox.fs.download_file("work/greeting.txt"))

    # From path to path, whatever the size.
    await sandbox.fs.download_file("work/greeting.txt", local)
    await sandbox.fs.upload_file(local, "work/copy.txt")
    # endregion


async def streams(sandbox: AsyncSandbox, directory: Path) -> None:
    async def source() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"all work and no play\n" * 5000

    # region: streams
    def report(progress: UploadProgress) -> None:
        print(f"\rsent {progress.bytes_sent} bytes", end="", file=sys.stderr)

    # An iterable of bytes, synchronous or asynchronous, a file object or a path.
    await sandbox.fs.upload_file_stream(source(), "work/big.txt", on_progress=report)

    async with sandbox.fs.open_download("work/big.txt") as file:
        beginning = await file.read(21)
        print(f"\nthe first of {file.size} bytes: {beginning!r}")
    # Whoever leaves early cancels: the rest is never sent.
    # endregion


async def many(sandbox: AsyncSandbox, directory: Path) -> None:
    # region: many
    await sandbox.fs.upload_files(
        [FileUpload(b"1\n", "work/many/one.txt"), FileUpload(b"2\n", "work/many/two.txt")],
    )
    files = await sandbox.fs.download_files(
        [FileDownloadRequest("work/many/one.txt"), FileDownloadRequest("work/many/none.txt")],
    )
    for file in files:
        print(file.source, file.error or file.result)
    # endregion


async def directories(sandbox: AsyncSandbox, directory: Path) -> None:
    project = directory / "project"
    results = directory / "results"
    (project / "lib").mkdir(parents=True)
    for name, content in {"main.py": "print('hi')\n", "lib/a.py": "A = 1\n", "lib/a.pyc": "cache"}.items():
        (project / name).write_text(content)

    # region: directories
    def report(progress: DirectoryProgress) -> None:
        print(f"\r{progress.files} of {progress.total_files} files", end="", file=sys.stderr)

    up = await sandbox.fs.upload_dir(project, "work/project", exclude=["*.pyc", ".git"], on_progress=report)
    print(f"\n{up.files} files, {up.bytes} bytes")

    down = await sandbox.fs.download_dir("work/project", results)
    for left_out in down.skipped:
        print(f"left out {left_out.path}: {left_out.reason}")
    # endregion


async def search_replace(sandbox: AsyncSandbox, directory: Path) -> None:
    # region: search-replace
    found = await sandbox.fs.search_files("work", "*.py")
    print(found.files)

    for match in await sandbox.fs.find_files("work", "A = 1"):
        print(f"{match.file}:{match.line}: {match.content}")

    for result in await sandbox.fs.replace_in_files(found.files, "A = 1", "A = 2"):
        print(result.file, result.error or "ok")
    # endregion


async def permissions(sandbox: AsyncSandbox, directory: Path) -> None:
    # region: permissions
    await sandbox.fs.set_file_permissions("work/greeting.txt", mode="600")
    info = await sandbox.fs.get_file_info("work/greeting.txt")
    print(info.mode, info.owner, info.group)
    # endregion


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
            for part in (upload_download, streams, many, directories, search_replace, permissions):
                print(f"--- {part.__name__}", flush=True)
                await part(sandbox, Path(directory))


if __name__ == "__main__":
    asyncio.run(main())
