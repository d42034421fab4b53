"""Files and directories on their way to a sandbox and back."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.
# pyright: reportPrivateUsage=false
# The operations behind these are not public.

from __future__ import annotations

from json import loads
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from .._files import FileUpload, UploadProgress, is_readable
from .._frames import frames
from ..generated.errors import DaytonaCancelledError, DaytonaInvalidArgumentError
from ..generated.models.fs import DirectoryProgress, DirectoryResult
from .pieces import pieces
from .runtime import deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._files import CancelEvent
    from ..generated.async_ops.fs import AsyncFileSystem
    from .runtime import AsyncStreamHandle


async def upload_file(
    fs: AsyncFileSystem,
    source: Any,
    remote_path: str,
    timeout: float,
    on_progress: Callable[[UploadProgress], Any] | None,
    cancel_event: CancelEvent | None,
) -> None:
    """Uploads a file in one piece, unless it is only read or watched piece by piece."""
    if source is None or not remote_path:
        raise DaytonaInvalidArgumentError("upload_file needs a file and a remote path.")
    if is_readable(source) or on_progress is not None or cancel_event is not None:
        await upload_pieces(fs, source, remote_path, timeout, on_progress, cancel_event)
    else:
        await fs._upload_file(FileUpload(source, remote_path), timeout)


async def upload_pieces(
    fs: AsyncFileSystem,
    source: Any,
    remote_path: str,
    timeout: float,
    on_progress: Callable[[UploadProgress], Any] | None,
    cancel_event: CancelEvent | None,
) -> None:
    """Uploads piece by piece."""
    sent = 0
    async with fs.open_upload(remote_path, timeout) as writer:
        async for piece in pieces(source):
            if cancel_event is not None and cancel_event.is_set():
                raise DaytonaCancelledError(f"The upload of {remote_path!r} was cancelled.")
            sent += await writer.write(piece)
            if on_progress is not None:
                await deliver(on_progress, UploadProgress(sent))


async def download_file(fs: AsyncFileSystem, remote_path: str, local_path: Any, timeout: float) -> bytes | None:
    """Downloads to a local path, or into memory. Instead of the path there may be the timeout."""
    if isinstance(local_path, (str, PathLike)):
        path: str = fspath(local_path)
        await fs._download_to_path(remote_path, path, timeout)
        return None
    return await fs._download_file(remote_path, timeout if local_path is None else local_path)


async def transferred(
    stream: AsyncStreamHandle,
    on_progress: Callable[[DirectoryProgress], Any] | None,
    cancel_event: CancelEvent | None,
) -> DirectoryResult:
    """Sees a directory through; whatever leaves this gives the transfer up."""
    try:
        while cancel_event is None or not cancel_event.is_set():
            batch = await stream.read()
            if batch is None:
                return DirectoryResult.from_wire(stream.result)
            for _, progress in frames(batch):
                if on_progress is not None:
                    await deliver(on_progress, DirectoryProgress.from_wire(loads(progress)))
        raise DaytonaCancelledError("The transfer was cancelled.")
    finally:
        stream.close()
