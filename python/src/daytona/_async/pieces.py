"""The pieces of whatever is to be uploaded."""

from __future__ import annotations

import asyncio
import inspect
from os import PathLike
from typing import TYPE_CHECKING, Any

from .._arguments import bytes_of, unusable
from .._files import is_readable, open_local

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

    from .._files import Bytes, LocalPath, Readable

    AsyncUploadSource = Bytes | LocalPath | Readable | Iterable[bytes] | AsyncIterable[bytes]

PIECE = 256 * 1024


async def pieces(source: AsyncUploadSource) -> AsyncIterator[bytes]:
    """The content in pieces: of bytes, a local file, a file object (asynchronous ones too), or an iterable of bytes.

    Plain files are read on a thread, so the loop goes on meanwhile.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source).cast("B")
        for at in range(0, len(view), PIECE):
            yield bytes(view[at : at + PIECE])
    elif isinstance(source, (str, PathLike)):
        with open_local(source) as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
    elif is_readable(source):
        file_object: Any = source
        if inspect.iscoroutinefunction(file_object.read):
            while piece := await file_object.read(PIECE):
                yield piece
        else:
            while piece := await asyncio.to_thread(file_object.read, PIECE):
                yield piece
    elif hasattr(source, "__aiter__"):
        stream: Any = source
        async for piece in stream:
            yield bytes_of("piece", piece)
    elif not hasattr(source, "__iter__"):
        raise unusable("source", source, "it must be bytes, a path, a file object or an iterable of bytes")
    else:
        iterable: Any = source
        for piece in iterable:
            yield bytes_of("piece", piece)
