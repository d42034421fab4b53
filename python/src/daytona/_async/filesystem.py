"""Files of a sandbox."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from json import loads
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, overload

from .._files import FileUpload, UploadProgress, is_readable
from .._frames import frames
from ..generated.async_ops.fs import AsyncFileSystemOps
from ..generated.errors import DaytonaCancelledError, DaytonaInvalidArgumentError
from ..generated.models.fs import DirectoryProgress, DirectoryResult, FileDownloadRequest
from .pieces import pieces
from .runtime import deliver
from .streams import AsyncDownloadStream, AsyncFileReader, AsyncFileWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._files import Bytes, CancelEvent, DownloadProgress, FileDownloadResponse, LocalPath, Readable
    from ..generated.models.fs import FileInfo
    from .pieces import AsyncUploadSource
    from .runtime import AsyncStreamHandle

# Seconds a transfer may take unless the caller says otherwise.
TRANSFER_TIMEOUT = 1800.0


class AsyncFileSystem(AsyncFileSystemOps):
    """Files of a sandbox. Relative paths start at the sandbox's working directory."""

    __slots__ = ()

    async def get_file_details(self, path: str) -> FileInfo:
        """The same as `get_file_info`."""
        return await self.get_file_info(path)

    @overload
    async def upload_file(
        self,
        file: Bytes | LocalPath | Readable,
        remote_path: str,
        timeout: float = TRANSFER_TIMEOUT,
        *,
        on_progress: Callable[[UploadProgress], Any] | None = None,
        cancel_event: CancelEvent | None = None,
    ) -> None: ...

    @overload
    async def upload_file(
        self,
        *,
        local_path: LocalPath,
        remote_path: str,
        timeout: float = TRANSFER_TIMEOUT,
        on_progress: Callable[[UploadProgress], Any] | None = None,
        cancel_event: CancelEvent | None = None,
    ) -> None: ...

    async def upload_file(
        self,
        file: Any = None,
        remote_path: str = "",
        timeout: float = TRANSFER_TIMEOUT,
        *,
        local_path: LocalPath | None = None,
        on_progress: Callable[[UploadProgress], Any] | None = None,
        cancel_event: CancelEvent | None = None,
    ) -> None:
        """Uploads one file; directories above it are created, and a file that is there is replaced.

        Args:
            file: The content as bytes, a local path (streamed, not loaded), or a binary file object.
            remote_path: Path in the sandbox.
            timeout: Seconds the transfer may take; 0 = no limit.
            local_path: A local path, under another name.
            on_progress: Called after every piece.
            cancel_event: Gives the upload up when it is set.

        Raises:
            `DaytonaInvalidArgumentError` when the local file cannot be read, `DaytonaValidationError` when the server
            cannot store it, `DaytonaTimeoutError`, `DaytonaCancelledError` when the event was set.
        """
        source = local_path if file is None else file
        if source is None or not remote_path:
            raise DaytonaInvalidArgumentError("upload_file needs a file and a remote path.")
        if is_readable(source) or on_progress is not None or cancel_event is not None:
            await self.upload_file_stream(source, remote_path, timeout, on_progress, cancel_event)
        else:
            await self._upload_file(FileUpload(source, remote_path), timeout)

    async def upload_files(self, files: list[FileUpload], timeout: float = TRANSFER_TIMEOUT) -> None:
        """Uploads several files in one request.

        Args:
            files: What to upload, and where to.
            timeout: Seconds the transfer may take; 0 = no limit.

        Raises:
            `DaytonaInvalidArgumentError` when a local file cannot be read, `DaytonaValidationError` when the server
            cannot store one: the message names it, and those before it are stored.
        """
        await self._upload_files(files, timeout)

    async def upload_file_stream(
        self,
        source: AsyncUploadSource,
        remote_path: str,
        timeout: float = TRANSFER_TIMEOUT,
        on_progress: Callable[[UploadProgress], Any] | None = None,
        cancel_event: CancelEvent | None = None,
    ) -> None:
        """Uploads piece by piece, without ever holding the whole content.

        Args:
            source: Bytes, a local path, a binary file object, or an iterable of bytes.
            remote_path: Path in the sandbox.
            timeout: Seconds the transfer may take; 0 = no limit.
            on_progress: Called after every piece.
            cancel_event: Gives the upload up when it is set.

        Raises:
            `DaytonaCancelledError` when the event was set, otherwise as `upload_file`.
        """
        sent = 0
        async with self.open_upload(remote_path, timeout) as writer:
            async for piece in pieces(source):
                if cancel_event is not None and cancel_event.is_set():
                    raise DaytonaCancelledError(f"The upload of {remote_path!r} was cancelled.")
                sent += await writer.write(piece)
                if on_progress is not None:
                    await deliver(on_progress, UploadProgress(sent))

    def open_upload(self, remote_path: str, timeout: float = TRANSFER_TIMEOUT) -> AsyncFileWriter:
        """Opens an upload to be written piece by piece.

        Args:
            remote_path: Path in the sandbox.
            timeout: Seconds the transfer may take; 0 = no limit.
        """
        return AsyncFileWriter(lambda: self._open_upload(remote_path, timeout))

    @overload
    async def download_file(self, remote_path: str, timeout: float = TRANSFER_TIMEOUT, /) -> bytes: ...

    @overload
    async def download_file(self, remote_path: str, *, timeout: float = TRANSFER_TIMEOUT) -> bytes: ...

    @overload
    async def download_file(
        self,
        remote_path: str,
        local_path: LocalPath,
        timeout: float = TRANSFER_TIMEOUT,
    ) -> None: ...

    async def download_file(
        self, remote_path: str, local_path: Any = None, timeout: float = TRANSFER_TIMEOUT
    ) -> bytes | None:
        """Downloads a file: into memory, or to a local path, which appears only when it is complete.

        Args:
            remote_path: Path in the sandbox.
            local_path: Local path to write to. Default: return the content. A number here is the timeout.
            timeout: Seconds the transfer may take; 0 = no limit.

        Raises:
            `DaytonaFileNotFoundError` when it does not exist, `DaytonaFileAccessDeniedError` when it may not be read,
            `DaytonaConnectionError` when the transfer is cut short, `DaytonaTimeoutError`.
        """
        if isinstance(local_path, (str, PathLike)):
            path: str = fspath(local_path)
            await self._download_to_path(remote_path, path, timeout)
            return None
        return await self._download_file(remote_path, timeout if local_path is None else local_path)

    async def download_files(
        self, files: list[FileDownloadRequest], timeout: float = TRANSFER_TIMEOUT
    ) -> list[FileDownloadResponse]:
        """Downloads several files in one request, each into memory or to a local path. A file that fails says so in its
        own result.

        Args:
            files: What to download, and where to.
            timeout: Seconds the transfer may take; 0 = no limit.

        Raises:
            Those of the request as a whole; `DaytonaConnectionError` when it is cut short.
        """
        return await self._download_files(files, timeout)

    def download_file_stream(
        self,
        remote_path: str,
        timeout: float = TRANSFER_TIMEOUT,
        on_progress: Callable[[DownloadProgress], Any] | None = None,
        cancel_event: CancelEvent | None = None,
    ) -> AsyncDownloadStream:
        """Downloads piece by piece: iterate over the result. The asynchronous client's may be awaited before.

        Args:
            remote_path: Path in the sandbox.
            timeout: Seconds the transfer may take; 0 = no limit.
            on_progress: Called for every piece, before it is handed out.
            cancel_event: Gives the download up when it is set.

        Raises:
            `DaytonaCancelledError` when the event was set, otherwise as `download_file`.
        """
        return AsyncDownloadStream(
            lambda: self._open_download(remote_path, timeout),
            remote_path,
            on_progress,
            cancel_event,
        )

    def open_download(self, remote_path: str, timeout: float = TRANSFER_TIMEOUT) -> AsyncFileReader:
        """Opens a download to be read piece by piece.

        Args:
            remote_path: Path in the sandbox.
            timeout: Seconds the transfer may take; 0 = no limit.
        """
        return AsyncFileReader(lambda: self._open_download(remote_path, timeout))

    async def upload_dir(
        self,
        local_path: LocalPath,
        remote_path: str,
        *,
        exclude: list[str] | None = None,
        on_progress: Callable[[DirectoryProgress], Any] | None = None,
        timeout: float = TRANSFER_TIMEOUT,
        cancel_event: CancelEvent | None = None,
    ) -> DirectoryResult:
        """Uploads a local directory with everything in it, as one compressed stream.

        A directory that exists is added to; one that does not appears when it is complete. Links stay links;
        permissions and times are kept. One that is cancelled or fails leaves no new directory behind. The sandbox needs
        `tar` and `gzip`.

        Args:
            local_path: The local directory.
            remote_path: Path in the sandbox.
            exclude: Globs of what to leave out: `node_modules` and `*.pyc` are compared with every name, one with a
                slash (`build/**`) with the path below the directory.
            on_progress: Called some ten times a second and at the end.
            timeout: Seconds the transfer may take; 0 = no limit.
            cancel_event: Gives the transfer up when it is set.

        Raises:
            `DaytonaInvalidArgumentError` for a bad glob or when something local cannot be read,
            `DaytonaUnprocessableEntityError` when the sandbox cannot store it, `DaytonaTimeoutError`,
            `DaytonaCancelledError` when the event was set.
        """
        stream = await self._upload_dir(fspath(local_path), remote_path, exclude, timeout)
        return await _transferred(stream, on_progress, cancel_event)

    async def download_dir(
        self,
        remote_path: str,
        local_path: LocalPath,
        *,
        exclude: list[str] | None = None,
        on_progress: Callable[[DirectoryProgress], Any] | None = None,
        timeout: float = TRANSFER_TIMEOUT,
        cancel_event: CancelEvent | None = None,
    ) -> DirectoryResult:
        """Downloads a directory with everything in it, as one compressed stream, into a local one, which is created or
        added to.

        Files appear when they are complete. Nothing is written outside the local directory: links that lead out of it,
        devices and the like are skipped and reported. The sandbox needs `tar` and `gzip`.

        Args:
            remote_path: Path in the sandbox.
            local_path: The local directory.
            exclude: Globs of what to leave out: `node_modules` and `*.pyc` are compared with every name, one with a
                slash (`build/**`) with the path below the directory.
            on_progress: Called some ten times a second and at the end; what there is in all is not known.
            timeout: Seconds the transfer may take; 0 = no limit.
            cancel_event: Gives the transfer up when it is set.

        Raises:
            `DaytonaFileNotFoundError` when there is no such directory, `DaytonaUnprocessableEntityError` when
            something in it cannot be read, `DaytonaInvalidArgumentError` for a bad glob or a local directory that
            cannot be written, `DaytonaConnectionError` when it is cut short, `DaytonaTimeoutError`,
            `DaytonaCancelledError` when the event was set.
        """
        stream = await self._download_dir(remote_path, fspath(local_path), exclude, timeout)
        return await _transferred(stream, on_progress, cancel_event)


async def _transferred(
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
