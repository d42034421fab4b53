"""What flows through log streams and runs: frames in batches, and text from bytes."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Literal

from ._model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT = 1
STDERR = 2
ERROR = 3

_HEADER = 5


def frames(batch: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a batch: tag and content."""
    at = 0
    while at < len(batch):
        end = at + _HEADER + int.from_bytes(batch[at + 1 : at + _HEADER], "little")
        yield batch[at], batch[at + _HEADER : end]
        at = end


class LogChunk(Model):
    """A piece of a log, as it came.

    Attributes:
        channel: `stdout` or `stderr`.
        data: The bytes, unmodified.
        text: The text. A character that is cut at the end of `data` is in the text of the channel's next chunk.
    """

    __slots__ = ("channel", "data", "text")

    def __init__(self, channel: Literal["stdout", "stderr"], data: bytes, text: str) -> None:
        self.channel: Literal["stdout", "stderr"] = channel
        self.data = data
        self.text = text

    def __str__(self) -> str:
        return self.text


class LogDecoder:
    """Turns batches into chunks; text is decoded channel by channel, so that no character is lost between frames."""

    __slots__ = ("_stderr", "_stdout")

    def __init__(self) -> None:
        utf8 = getincrementaldecoder("utf-8")
        self._stdout = utf8(errors="replace")
        self._stderr = utf8(errors="replace")

    def decode(self, batch: bytes) -> list[LogChunk]:
        """The chunks of a batch."""
        chunks: list[LogChunk] = []
        for tag, data in frames(batch):
            if tag == STDOUT:
                chunks.append(LogChunk("stdout", data, self._stdout.decode(data)))
            elif tag == STDERR:
                chunks.append(LogChunk("stderr", data, self._stderr.decode(data)))
        return chunks

    def finish(self) -> list[LogChunk]:
        """What is left of characters that were cut by the end of the log."""
        out = self._stdout.decode(b"", True)
        err = self._stderr.decode(b"", True)
        chunks: list[LogChunk] = []
        if out:
            chunks.append(LogChunk("stdout", b"", out))
        if err:
            chunks.append(LogChunk("stderr", b"", err))
        return chunks
