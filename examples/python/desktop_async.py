"""The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.

DAYTONA_API_URL=local python desktop_async.py
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode

from daytona import (
    AsyncDaytona,
    AsyncSandbox,
    CreateSandboxFromSnapshotParams,
    DesktopAction,
    ScreenshotOptions,
    ScreenshotResponse,
)


async def start(sandbox: AsyncSandbox) -> None:
    # region: start
    await sandbox.computer_use.start()
    print((await sandbox.computer_use.get_status()).status)
    # endregion


async def keyboard(sandbox: AsyncSandbox) -> None:
    # region: keyboard
    await sandbox.process.exec("mousepad notes.txt >/dev/null 2>&1 &")
    windows = sandbox.computer_use.display.get_windows
    while not any("notes" in window.title and window.is_active for window in (await windows()).windows):
        await asyncio.sleep(0.1)

    await sandbox.computer_use.keyboard.type("Grüße 👋\n")
    await sandbox.computer_use.keyboard.hotkey("ctrl+s")
    # endregion
    while "Grüße" not in (await sandbox.process.exec("cat notes.txt")).result:
        await asyncio.sleep(0.1)


async def mouse(sandbox: AsyncSandbox) -> None:
    # region: mouse
    screen = (await sandbox.computer_use.display.get_info()).displays[0]
    await sandbox.computer_use.mouse.click(screen.width // 2, screen.height // 2)
    await sandbox.computer_use.mouse.scroll(screen.width // 2, screen.height // 2, "down", 3)
    # endregion


async def screenshot(sandbox: AsyncSandbox) -> None:
    # region: screenshot
    picture = await sandbox.computer_use.screenshot.take_full_screen(show_cursor=True)
    print(picture.width, "x", picture.height, "pixels,", len(b64decode(picture.screenshot)), "bytes")

    options = ScreenshotOptions(format="jpeg", quality=70, scale=0.5)
    small = await sandbox.computer_use.screenshot.take_compressed(options)
    print(small.width, "x", small.height, "pixels,", small.size_bytes, "bytes")
    # endregion


async def recording(sandbox: AsyncSandbox) -> None:
    # region: recording
    recording = await sandbox.computer_use.recording.start("tour")
    await sandbox.computer_use.mouse.move(200, 200)
    recording = await sandbox.computer_use.recording.stop(recording.id)

    await sandbox.computer_use.recording.download(recording.id, "tour.mp4")
    # endregion
    os.remove("tour.mp4")


async def accessibility(sandbox: AsyncSandbox) -> None:
    # region: accessibility
    tree = sandbox.computer_use.accessibility
    found = await tree.find_nodes(scope="all", role="text", states=["editable", "showing"])
    for node in found.matches:
        await tree.focus_node(node.id)
        await tree.set_node_value(node.id, "Set by its place in the tree.\n")
    # endregion
    assert found.matches


async def act(sandbox: AsyncSandbox) -> None:
    # region: act
    done = await sandbox.computer_use.act(
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
    while "at once" not in (await sandbox.process.exec("cat notes.txt")).result:
        await asyncio.sleep(0.1)


async def trajectory(sandbox: AsyncSandbox) -> None:
    # region: trajectory
    await sandbox.computer_use.start_trajectory(label="Notes")
    await sandbox.computer_use.mouse.click(640, 360)
    await sandbox.computer_use.keyboard.type("Step by step.\n")
    recorded = await sandbox.computer_use.stop_trajectory()

    await sandbox.fs.download_file(recorded.file_path, "trajectory.html")
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


async def agent(sandbox: AsyncSandbox) -> None:
    # region: agent
    desktop = sandbox.computer_use
    for step in range(50):
        picture = await desktop.screenshot.take_compressed()
        action, argument = model(picture, step)
        if action == "done":
            break
        if action == "click" and isinstance(argument, tuple):
            await desktop.mouse.click(*argument)
        elif action == "type":
            await desktop.keyboard.type(str(argument))
        elif action == "hotkey":
            await desktop.keyboard.hotkey(str(argument))
    # endregion
    while "agent" not in (await sandbox.process.exec("cat notes.txt")).result:
        await asyncio.sleep(0.1)


async def main() -> None:
    # region: create
    params = CreateSandboxFromSnapshotParams(snapshot="daytona-desktop")
    # endregion
    async with AsyncDaytona() as daytona, await daytona.create(params) as sandbox:
        for part in (start, keyboard, mouse, screenshot, recording, accessibility, agent, act, trajectory):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
