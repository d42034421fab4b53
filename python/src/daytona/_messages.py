"""What handlers of the code interpreter are called with."""

from __future__ import annotations

from ._model import Model


class OutputMessage(Model):
    """A piece of output.

    Attributes:
        output: The text.
    """

    __slots__ = ("output",)

    def __init__(self, output: str) -> None:
        self.output = output

    def __str__(self) -> str:
        return self.output
