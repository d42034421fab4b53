"""What flows through log streams and runs: frames in batches, and text from bytes."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from ._model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

STDOUT = 1
STDERR = 2
ERROR = 3
PROGRESS = 4

_HEADER = 5
# Characters of a line that are held while its end has not come.
LONGEST_LINE = 1024 * 1024


def frames(batch: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a batch: tag and content."""
    at = 0
    while at < len(batch):
        end = at + _HEADER + int.from_bytes(batch[at + 1 : at + _HEADER], "little")
        yield batch[at], batch[at + _HEADER : end]
        at = end


def content(batch: bytes) -> bytes:
    """What a batch of one output carries."""
    return b"".join([data for _, data in frames(batch)])


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


class Decoder(Protocol[T]):
    """Turns batches into what a reader wants."""

    def decode(self, batch: bytes) -> list[T]:
        """What is complete with this batch."""
        ...

    def finish(self) -> list[T]:
        """What is left at the end."""
        ...


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


class BytesDecoder:
    """The bytes of one output, as they came."""

    __slots__ = ()

    def decode(self, batch: bytes) -> list[bytes]:
        """The bytes of a batch."""
        data = content(batch)
        return [data] if data else []

    def finish(self) -> list[bytes]:
        """Nothing."""
        return []


class TextDecoder:
    """The text of one output."""

    __slots__ = ("_utf8",)

    def __init__(self) -> None:
        self._utf8 = getincrementaldecoder("utf-8")(errors="replace")

    def decode(self, batch: bytes) -> list[str]:
        """The text of a batch; a character that is cut at its end comes with the next."""
        text = self._utf8.decode(content(batch))
        return [text] if text else []

    def finish(self) -> list[str]:
        """What is left of a character that was cut by the end."""
        text = self._utf8.decode(b"", True)
        return [text] if text else []


class LineDecoder:
    """The lines of one output, without their ends. What is longer than `LONGEST_LINE` comes in pieces."""

    __slots__ = ("_length", "_pieces", "_text")

    def __init__(self) -> None:
        self._text = TextDecoder()
        self._pieces: list[str] = []
        self._length = 0

    def decode(self, batch: bytes) -> list[str]:
        """The lines that end in a batch."""
        return [line for text in self._text.decode(batch) for line in self._lines(text)]

    def finish(self) -> list[str]:
        """The last line, when it has no end."""
        lines = [line for text in self._text.finish() for line in self._lines(text)]
        return [*lines, self._take()] if self._length else lines

    def _lines(self, text: str) -> Iterator[str]:
        *ended, rest = text.split("\n")
        for line in ended:
            self._add(line)
            yield self._take().removesuffix("\r")
        self._add(rest)
        if self._length > LONGEST_LINE:
            yield self._take()

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)

    def _take(self) -> str:
        line = "".join(self._pieces)
        self._pieces.clear()
        self._length = 0
        return line
