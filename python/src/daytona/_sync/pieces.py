"""The pieces of whatever is to be uploaded."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from .._arguments import bytes_of, unusable
from .._files import is_readable, open_local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._files import Bytes, LocalPath, Readable

    UploadSource = Bytes | LocalPath | Readable | Iterable[bytes]

PIECE = 256 * 1024


def pieces(source: UploadSource) -> Iterator[bytes]:
    """The content in pieces: of bytes, a local file, a file object, or an iterable of bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source).cast("B")
        for at in range(0, len(view), PIECE):
            yield bytes(view[at : at + PIECE])
    elif isinstance(source, (str, PathLike)):
        with open_local(source) as file:
            yield from _read(file)
    elif is_readable(source):
        yield from _read(source)
    elif not hasattr(source, "__iter__"):
        raise unusable("source", source, "it must be bytes, a path, a file object or an iterable of bytes")
    else:
        iterable: Any = source
        for piece in iterable:
            yield bytes_of("piece", piece)


def _read(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
