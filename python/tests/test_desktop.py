"""The forms that programs are documented to use for the desktop and language servers."""

from collections.abc import Iterator

import pytest

from daytona import (
    CreateSandboxFromSnapshotParams,
    Daytona,
    LspCompletionPosition,
    LspLanguageId,
    Sandbox,
    ScreenshotOptions,
    ScreenshotRegion,
)


@pytest.fixture(scope="module")
def desktop(daytona: Daytona) -> Iterator[Sandbox]:
    with daytona.create(CreateSandboxFromSnapshotParams(snapshot="daytona-desktop")) as sandbox:
        sandbox.computer_use.start()
        yield sandbox


def test_a_picture_has_the_form_that_its_options_name(desktop: Sandbox) -> None:
    screenshot = desktop.computer_use.screenshot
    small = screenshot.take_compressed(ScreenshotOptions(format="jpeg", quality=50, scale=0.5, show_cursor=True))
    assert (small.width, small.height) == (640, 360)
    assert small.screenshot.startswith("/9j/")
    assert small.cursor_position is not None


def test_a_region_is_where_and_as_large_as_it_says(desktop: Sandbox) -> None:
    screenshot = desktop.computer_use.screenshot
    region = ScreenshotRegion(x=10, y=20, width=300, height=40)
    assert (screenshot.take_region(region).width, screenshot.take_region(region, True).height) == (300, 40)
    small = screenshot.take_compressed_region(region, ScreenshotOptions(scale=0.5))
    assert (small.width, small.height) == (150, 20)


def test_results_are_objects_with_fields(desktop: Sandbox) -> None:
    computer = desktop.computer_use
    assert computer.get_status().status == "active"
    assert computer.get_process_status("xvfb").running
    assert computer.get_process_status(process_name="novnc").process_name == "novnc"
    assert computer.display.get_info().displays[0].width == 1280
    assert computer.mouse.move(x=5, y=6).y == computer.mouse.get_position().y == 6
    assert computer.mouse.click(7, 8, "right", True).x == 7


@pytest.mark.parametrize("language", ["python", LspLanguageId.PYTHON])
def test_positions_are_objects_or_dictionaries(sandbox: Sandbox, language: str, unique: str) -> None:
    sandbox.fs.upload_file(b"import os\nos.\n", f"{unique}/main.py")
    server = sandbox.create_lsp_server(language_id=language, path_to_project=unique)
    server.start()
    for position in (LspCompletionPosition(line=1, character=3), {"line": 1, "character": 3}):
        assert any(item.label == "getcwd" for item in server.completions("main.py", position).items)
    server.stop()
