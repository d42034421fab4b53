"""What flows through log streams and runs: batches of frames, which the library cuts as the reader wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ._model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT = 1
STDERR = 2
ERROR = 3
PROGRESS = 4
LINE = 5

_HEADER = 5


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
        text: The text; no character is cut.
    """

    __slots__ = ("channel", "data", "text")

    def __init__(self, channel: Literal["stdout", "stderr"], data: bytes, text: str) -> None:
        self.channel: Literal["stdout", "stderr"] = channel
        self.data = data
        self.text = text

    def __str__(self) -> str:
        return self.text


def chunks(batch: bytes) -> list[LogChunk]:
    """The chunks of a batch, none of which ends within a character."""
    return [
        LogChunk("stdout" if tag == STDOUT else "stderr", data, data.decode(errors="replace"))
        for tag, data in frames(batch)
    ]


def pieces(batch: bytes) -> list[bytes]:
    """The bytes of a batch of one output."""
    data = content(batch)
    return [data] if data else []


def texts(batch: bytes) -> list[str]:
    """The text of a batch of one output."""
    text = content(batch).decode()
    return [text] if text else []


def lines(batch: bytes) -> list[str]:
    """The lines of a batch: each is a frame."""
    return [line.decode() for _, line in frames(batch)]
