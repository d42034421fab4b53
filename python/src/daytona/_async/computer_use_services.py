"""The desktop's parts."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING

from ..generated.async_ops.accessibility import AsyncAccessibility
from ..generated.async_ops.display import AsyncDisplay
from ..generated.async_ops.keyboard import AsyncKeyboard
from ..generated.async_ops.mouse import AsyncMouse
from ..generated.async_ops.recording import AsyncRecordingService
from ..generated.async_ops.screenshot import AsyncScreenshot
from .runtime import AsyncService

if TYPE_CHECKING:
    from .._daytona import Client


class AsyncComputerUseServices(AsyncService):
    """A desktop with what is done on it.

    Attributes:
        mouse: The mouse.
        keyboard: The keyboard.
        screenshot: Pictures of the screen.
        display: Displays and windows.
        recording: Recordings of the screen.
        accessibility: What the programs show, as a tree.
    """

    __slots__ = ("accessibility", "display", "keyboard", "mouse", "recording", "screenshot")

    def __init__(self, client: Client, target: str) -> None:
        super().__init__(client, target)
        self.mouse = AsyncMouse(client, target)
        self.keyboard = AsyncKeyboard(client, target)
        self.screenshot = AsyncScreenshot(client, target)
        self.display = AsyncDisplay(client, target)
        self.recording = AsyncRecordingService(client, target)
        self.accessibility = AsyncAccessibility(client, target)
