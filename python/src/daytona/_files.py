"""Files to transfer, and what the transfers say."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from ._model import Model, attach, attached
from .generated.errors import DaytonaInvalidArgumentError
from .generated.models.fs import FileDownloadErrorDetails

if TYPE_CHECKING:
    Bytes = bytes | bytearray | memoryview
    LocalPath = str | PathLike[str]


class Readable(Protocol):
    """A binary file object."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; nothing at the end."""
        ...


class CancelEvent(Protocol):
    """Tells a transfer to stop; `threading.Event` and `asyncio.Event` are such events."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class FileUpload(Model):
    """A file to upload.

    Attributes:
        source: The content as bytes, or the local path of the file; a file is streamed, not loaded.
        destination: Path in the sandbox; relative paths start at the working directory.
    """

    __slots__ = ("destination", "source")

    def __init__(self, source: Bytes | LocalPath, destination: str) -> None:
        self.source = source
        self.destination = destination

    def __repr__(self) -> str:
        content = None if isinstance(self.source, (str, PathLike)) else self.source
        source = repr(self.source) if content is None else f"<{len(content)} bytes>"
        return f"FileUpload(source={source}, destination={self.destination!r})"

    def to_wire(self, blobs: list[bytes]) -> dict[str, Any]:
        """Writes it as the core's JSON; bytes are appended to `blobs`."""
        if isinstance(self.source, (str, PathLike)):
            return {"destination": self.destination, "localPath": fspath(self.source)}
        return {"destination": self.destination, "content": attach(blobs, self.source)}


class FileDownloadResponse(Model):
    """Result of one file of several.

    Attributes:
        source: Path in the sandbox, as requested.
        result: The content, or the local path when a destination was given; `None` when there is an error.
        error: Why there is no result.
        error_details: More about the error.
    """

    __slots__ = ("error", "error_details", "result", "source")

    def __init__(
        self,
        source: str,
        result: str | bytes | None = None,
        error: str | None = None,
        error_details: FileDownloadErrorDetails | None = None,
    ) -> None:
        self.source = source
        self.result = result
        self.error = error
        self.error_details = error_details

    @classmethod
    def from_wire(cls, wire: dict[str, Any], blobs: list[bytes]) -> FileDownloadResponse:
        """Reads it from the core's JSON."""
        content, details = wire.get("content"), wire.get("errorDetails")
        return cls(
            wire["source"],
            wire.get("localPath") if content is None else attached(blobs, content),
            wire.get("error"),
            None if details is None else FileDownloadErrorDetails.from_wire(details),
        )


class DownloadProgress(Model):
    """How far a download is.

    Attributes:
        bytes_received: Bytes received so far.
        total_bytes: Size of the file, where the server tells it.
    """

    __slots__ = ("bytes_received", "total_bytes")

    def __init__(self, bytes_received: int, total_bytes: int | None = None) -> None:
        self.bytes_received = bytes_received
        self.total_bytes = total_bytes


class UploadProgress(Model):
    """How far an upload is.

    Attributes:
        bytes_sent: Bytes sent so far.
    """

    __slots__ = ("bytes_sent",)

    def __init__(self, bytes_sent: int) -> None:
        self.bytes_sent = bytes_sent


def open_local(path: LocalPath) -> BinaryIO:
    """A local file to read, with the error that every upload has for one that cannot be read."""
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DaytonaInvalidArgumentError(f"Cannot read the local file {fspath(path)!r}: {reason}") from error


def is_readable(source: Any) -> bool:
    """Whether it is a file object."""
    return callable(getattr(source, "read", None))
