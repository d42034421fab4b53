"""The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.

DAYTONA_API_URL=local python desktop.py
"""

from __future__ import annotations

import os
import time
from base64 import b64decode

from daytona import (
    CreateSandboxFromSnapshotParams,
    Daytona,
    DesktopAction,
    Sandbox,
    ScreenshotOptions,
    ScreenshotResponse,
)


def start(sandbox: Sandbox) -> None:
    # region: start
    sandbox.computer_use.start()
    print(sandbox.computer_use.get_status().status)
    # endregion


def keyboard(sandbox: Sandbox) -> None:
    # region: keyboard
    sandbox.process.exec("mousepad notes.txt >/dev/null 2>&1 &")
    windows = sandbox.computer_use.display.get_windows
    while not any("notes" in window.title and window.is_active for window in (windows()).windows):
        time.sleep(0.1)

    sandbox.computer_use.keyboard.type("Grüße 👋\n")
    sandbox.computer_use.keyboard.hotkey("ctrl+s")
    # endregion
    while "Grüße" not in (sandbox.process.exec("cat notes.txt")).result:
        time.sleep(0.1)


def mouse(sandbox: Sandbox) -> None:
    # region: mouse
    screen = (sandbox.computer_use.display.get_info()).displays[0]
    sandbox.computer_use.mouse.click(screen.width // 2, screen.height // 2)
    sandbox.computer_use.mouse.scroll(screen.width // 2, screen.height // 2, "down", 3)
    # endregion


def screenshot(sandbox: Sandbox) -> None:
    # region: screenshot
    picture = sandbox.computer_use.screenshot.take_full_screen(show_cursor=True)
    print(picture.width, "x", picture.height, "pixels,", len(b64decode(picture.screenshot)), "bytes")

    options = ScreenshotOptions(format="jpeg", quality=70, scale=0.5)
    small = sandbox.computer_use.screenshot.take_compressed(options)
    print(small.width, "x", small.height, "pixels,", small.size_bytes, "bytes")
    # endregion


def recording(sandbox: Sandbox) -> None:
    # region: recording
    recording = sandbox.computer_use.recording.start("tour")
    sandbox.computer_use.mouse.move(200, 200)
    recording = sandbox.computer_use.recording.stop(recording.id)

    sandbox.computer_use.recording.download(recording.id, "tour.mp4")
    # endregion
    os.remove("tour.mp4")


def accessibility(sandbox: Sandbox) -> None:
    # region: accessibility
    tree = sandbox.computer_use.accessibility
    found = tree.find_nodes(scope="all", role="text", states=["editable", "showing"])
    for node in found.matches:
        tree.focus_node(node.id)
        tree.set_node_value(node.id, "Set by its place in the tree.\n")
    # endregion
    assert found.matches


def act(sandbox: Sandbox) -> None:
    # region: act
    done = sandbox.computer_use.act(
        [
            DesktopAction(action="click", x=640, y=360),
            DesktopAction(action="type", text="Several at once.\n"),
            DesktopAction(action="hotkey", keys="ctrl+s"),
        ],
        format="jpeg",
        scale=0.5,
    )
    print(done.actions, "actions, the screen is at rest:", done.at_rest)
    if done.screenshot:
        print("and shown in", done.screenshot.size_bytes, "bytes")
    # endregion
    while "at once" not in (sandbox.process.exec("cat notes.txt")).result:
        time.sleep(0.1)


def trajectory(sandbox: Sandbox) -> None:
    # region: trajectory
    sandbox.computer_use.start_trajectory(label="Notes")
    sandbox.computer_use.mouse.click(640, 360)
    sandbox.computer_use.keyboard.type("Step by step.\n")
    recorded = sandbox.computer_use.stop_trajectory()

    sandbox.fs.download_file(recorded.file_path, "trajectory.html")
    # endregion
    os.remove("trajectory.html")
    assert recorded.actions == 2


def model(picture: ScreenshotResponse, step: int) -> tuple[str, str | tuple[int, int]]:
    """Stands for a model that looks at the screen and says what to do next."""
    script: list[tuple[str, str | tuple[int, int]]] = [
        ("click", (picture.width // 2, picture.height // 2)),
        ("type", "Written by an agent.\n"),
        ("hotkey", "ctrl+s"),
        ("done", ""),
    ]
    return script[step]


def agent(sandbox: Sandbox) -> None:
    # region: agent
    desktop = sandbox.computer_use
    for step in range(50):
        picture = desktop.screenshot.take_compressed()
        action, argument = model(picture, step)
        if action == "done":
            break
        if action == "click" and isinstance(argument, tuple):
            desktop.mouse.click(*argument)
        elif action == "type":
            desktop.keyboard.type(str(argument))
        elif action == "hotkey":
            desktop.keyboard.hotkey(str(argument))
    # endregion
    while "agent" not in (sandbox.process.exec("cat notes.txt")).result:
        time.sleep(0.1)


def main() -> None:
    # region: create
    params = CreateSandboxFromSnapshotParams(snapshot="daytona-desktop")
    # endregion
    with Daytona() as daytona, daytona.create(params) as sandbox:
        for part in (start, keyboard, mouse, screenshot, recording, accessibility, agent, act, trajectory):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
