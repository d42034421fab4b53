"""The desktop's parts."""
# Derived from ../_async/computer_use_services.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING

from ..generated.ops.accessibility import Accessibility
from ..generated.ops.display import Display
from ..generated.ops.keyboard import Keyboard
from ..generated.ops.mouse import Mouse
from ..generated.ops.recording import RecordingService
from ..generated.ops.screenshot import Screenshot
from .runtime import Service

if TYPE_CHECKING:
    from .._daytona import Client


class ComputerUseServices(Service):
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
        self.mouse = Mouse(client, target)
        self.keyboard = Keyboard(client, target)
        self.screenshot = Screenshot(client, target)
        self.display = Display(client, target)
        self.recording = RecordingService(client, target)
        self.accessibility = Accessibility(client, target)
