"""Both generations of the protocol, on standard input and output and over HTTP, as the official client speaks them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import string
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from conftest import ENVIRONMENT, LIMIT, PROGRAM, daytona, is_gone, sandboxes

DOCUMENTED = json.loads((Path(__file__).parent.parent / "surface/mcp.json").read_text(encoding="utf-8"))
DESKTOP = {
    "start",
    "stop",
    "status",
    "screenshot",
    "screenshot_region",
    "screenshot_compressed",
    "screenshot_compressed_region",
    "mouse_position",
    "mouse_move",
    "mouse_click",
    "mouse_drag",
    "mouse_scroll",
    "keyboard_type",
    "keyboard_press",
    "keyboard_hotkey",
    "display_info",
    "windows",
    "recording_start",
    "recording_stop",
    "recording_list",
    "recording_get",
    "recording_delete",
    "accessibility_tree",
    "accessibility_find",
    "accessibility_focus",
    "accessibility_invoke",
    "accessibility_set_value",
}
MODES = ["2026-07-28", "legacy"]


@asynccontextmanager
async def on_pipes(mode: str, *arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[Client]:
    environment = ENVIRONMENT | (environment or {})
    server = StdioServerParameters(command=PROGRAM, args=["mcp", "start", *arguments], env=environment)
    async with asyncio.timeout(LIMIT), Client(server, mode=mode) as client:
        yield client


@asynccontextmanager
async def on_http(mode: str, server: dict[str, Any]) -> AsyncIterator[Client]:
    async with (
        asyncio.timeout(LIMIT),
        httpx2.AsyncClient(headers=server["headers"], timeout=LIMIT) as http,
        Client(streamable_http_client(server["url"], http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """The data of a call that must succeed."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_the_documented_tools_have_their_arguments(mode: str) -> None:
    async def work() -> None:
        async with on_pipes(mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {tool["tool"] for tool in DOCUMENTED}
        for documented in DOCUMENTED:
            tool = tools[documented["tool"]]
            properties = tool.input_schema["properties"]
            for argument in documented["arguments"]:
                assert properties[argument["name"]]["type"] == argument["type"], argument
            # Whatever is required here is required there.
            required = {argument["name"] for argument in documented["arguments"] if argument.get("required")}
            assert set(tool.input_schema.get("required", [])) <= required
            assert tool.annotations is not None and tool.description

    run(work)


@pytest.mark.parametrize("mode", MODES)
def test_a_conversation_has_one_sandbox_that_goes_with_it(mode: str) -> None:
    made: list[str] = []

    async def work() -> None:
        async with on_pipes(mode) as client:
            before = set(sandboxes())
            result = await client.call_tool("execute_command", {"command": "echo hello; exit 3"})
            assert result.is_error
            assert result.structured_content == {"exitCode": 3, "output": "hello\n", "size": 6}
            await call(client, "file_upload", filePath="/tmp/a", content="grüße")
            assert (await call(client, "execute_command", command="cat /tmp/a"))["output"] == "grüße"
            (sandbox,) = [s for s in set(sandboxes()) - before if not is_gone(s)]
            made.append(sandbox)

    run(work)
    assert is_gone(made[0])


@pytest.mark.parametrize("mode", MODES)
def test_over_http_a_handle_is_all_there_is(mode: str, over_http: dict[str, Any]) -> None:
    async def work() -> None:
        async with on_http(mode, over_http) as client:
            refused = await client.call_tool("execute_command", {"command": "true"})
            assert refused.is_error and "create_sandbox" in refused.content[0].text
            sandbox = (await call(client, "create_sandbox", name=f"mcp-{uuid.uuid4().hex[:8]}"))["id"]
        # Another connection, the same sandbox.
        async with on_http(mode, over_http) as client:
            assert (await call(client, "execute_command", id=sandbox, command="echo $((6*7))"))["output"] == "42\n"
            assert (await call(client, "create_sandbox", id=sandbox))["created"] is False
            await call(client, "destroy_sandbox", id=sandbox)
        assert is_gone(sandbox)

    run(work)


def test_only_the_bearer_of_the_token_is_served(over_http: dict[str, Any]) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": over_http["headers"]["Authorization"][:-1]},
    ):
        assert httpx2.post(over_http["url"], json=message, headers=headers).status_code == 401
    for foreign in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        answer = httpx2.post(over_http["url"], json=message, headers=over_http["headers"] | foreign)
        assert answer.status_code == 403, answer


def test_files_are_uploaded_read_part_by_part_and_moved() -> None:
    async def work() -> None:
        async with on_pipes("auto") as client:
            text = "ä" * 40_000
            await call(client, "create_folder", folder_path="/tmp/d")
            await call(client, "file_upload", file_path="/tmp/d/t", content=text, encoding="text", overwrite=True)
            refused = await client.call_tool("file_upload", {"filePath": "/tmp/d/t", "content": "", "overwrite": False})
            assert refused.is_error
            read, offset = "", 0
            while offset is not None:
                result = await client.call_tool("file_download", {"filePath": "/tmp/d/t", "offset": offset})
                assert result.structured_content is not None
                read += result.content[0].text.partition("\n[there is more")[0]
                offset = result.structured_content["nextOffset"]
            assert read == text
            # A part that is shorter than a character goes on all the same.
            part = await call(client, "file_download", filePath="/tmp/d/t", limit=1)
            assert (part["encoding"], part["nextOffset"]) == ("base64", 1)
            data = bytes(range(256))
            await call(
                client, "file_upload", filePath="/tmp/d/b", content=base64.b64encode(data).decode(), encoding="base64"
            )
            result = await client.call_tool("file_download", {"filePath": "/tmp/d/b"})
            assert base64.b64decode(result.content[0].text) == data
            assert {entry["name"] for entry in (await call(client, "list_files", path="/tmp/d"))["files"]} == {"t", "b"}
            await call(client, "move_file", source_path="/tmp/d/b", dest_path="/tmp/d/c")
            assert (await call(client, "get_file_info", filePath="/tmp/d/c"))["size"] == 256
            await call(client, "delete_file", filePath="/tmp/d")
            missing = await client.call_tool("get_file_info", {"filePath": "/tmp/d"})
            assert missing.is_error and missing.structured_content["error"]["kind"] == "FileNotFound"

    run(work)


def test_files_are_resources() -> None:
    async def work() -> None:
        async with on_pipes("auto") as client:
            made = await call(client, "create_sandbox")
            await call(client, "file_upload", id=made["id"], filePath="/tmp/r", content="as a resource")
            templates = (await client.list_resource_templates()).resource_templates
            assert templates[0].uri_template.startswith("daytona://")
            resource = await client.read_resource(f"daytona://{made['id']}/tmp/r")
            assert resource.contents[0].text == "as a resource"
            # The template escapes what is not plain.
            await call(client, "file_upload", id=made["id"], filePath="/tmp/r \u00fc", content="escaped")
            resource = await client.read_resource(f"daytona://{made['id']}/tmp/r%20%C3%BC")
            assert resource.contents[0].text == "escaped"
            with pytest.raises(Exception, match="form"):
                await client.read_resource("file:///etc/passwd")
            preview = await call(client, "preview_link", id=made["id"], port=8000, description="d", checkServer=False)
            assert preview["url"].startswith("http")

    run(work)


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_told_and_a_cancelled_call_ends_in_the_sandbox(mode: str) -> None:
    async def work() -> None:
        async with on_pipes(mode) as client:
            reports: list[tuple[float, str | None]] = []

            async def report(progress: float, total: float | None, message: str | None) -> None:
                reports.append((progress, message))

            script = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done"
            await client.call_tool("execute_command", {"command": script}, progress_callback=report)
            assert reports and reports == sorted(reports)
            assert any(message and message.startswith("line ") for _, message in reports)
            calling = asyncio.create_task(client.call_tool("execute_command", {"command": "sleep 4321"}))
            while not (
                await client.call_tool("execute_command", {"command": "pgrep -f '^sleep 4321'"})
            ).structured_content["output"]:
                await asyncio.sleep(0.05)
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            while (await client.call_tool("execute_command", {"command": "pgrep -f '^sleep 4321'"})).structured_content[
                "output"
            ]:
                await asyncio.sleep(0.05)

    run(work)


def test_long_output_is_in_a_file() -> None:
    async def work() -> None:
        async with on_pipes("auto") as client:
            result = await call(client, "execute_command", command="seq 100000")
            assert len(result["output"]) < 30_000
            assert (await call(client, "execute_command", command=f"seq 100000 | cmp - {result['outputFile']}"))[
                "exitCode"
            ] == 0
            late = await client.call_tool("execute_command", {"command": "sleep 99", "timeout": 0.5})
            assert late.is_error and late.structured_content["error"]["kind"] == "ProcessExecutionTimeout"

    run(work)


def test_more_tools_come_in_sets() -> None:
    async def work() -> None:
        async with on_pipes("auto", "--tools", "default,code,processes,search,git") as client:
            plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
            result = await client.call_tool("run_code", {"code": plot})
            assert [content.type for content in result.content] == ["text", "image"]
            assert base64.b64decode(result.content[1].data).startswith(b"\x89PNG")
            for stateful in (False, True):
                long = await call(client, "run_code", code="print('x' * 100_000)", stateful=stateful)
                assert len(long["output"]) < 30_000
                assert (await call(client, "get_file_info", filePath=long["outputFile"]))["size"] == 100_001
            await call(client, "run_code", code="x = 6", stateful=True)
            assert (await call(client, "run_code", code="print(x * 7)", stateful=True))["stdout"] == "42\n"
            process = (await call(client, "start_process", command="read x; echo got $x", stdin=True))["processId"]
            await call(client, "write_process", processId=process, text="it\n")
            read = await call(client, "read_process", processId=process, wait=30)
            assert read["output"] == "got it\n"
            await call(client, "end_process", processId=process)
            for wait in [30, 0] * 5:
                process = (await call(client, "start_process", command="printf a; sleep 0.02; printf b"))["processId"]
                output, read = "", {"exitCode": None, "nextOffset": 0}
                while read["exitCode"] is None:
                    offset = read["nextOffset"]
                    read = await call(client, "read_process", processId=process, wait=wait, offset=offset)
                    output += read["output"]
                assert (output, read["exitCode"]) == ("ab", 0)
            await call(client, "file_upload", filePath="/tmp/s/one.py", content="alpha\nbeta\n")
            assert (await call(client, "find_files", path="/tmp/s", pattern="*.py"))["files"] == ["/tmp/s/one.py"]
            await call(client, "replace_in_files", files=["/tmp/s/one.py"], text="beta", replacement="gamma")
            assert (await call(client, "search_files", path="/tmp/s", text="gamma"))["matches"][0]["line"] == 2
            commit = "git -c user.email=a@b -c user.name=a commit -q --allow-empty -m first"
            await call(client, "execute_command", command=f"git init -q /tmp/origin && cd /tmp/origin && {commit}")
            await call(client, "git_clone", url="file:///tmp/origin", path="/tmp/clone")
            assert (await call(client, "git_status", path="/tmp/clone"))["currentBranch"]

    run(work)


def test_a_server_that_only_reads_changes_nothing() -> None:
    async def work() -> None:
        async with on_pipes("auto", "--tools", "all", "--read-only") as client:
            tools = (await client.list_tools()).tools
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
            with pytest.raises(Exception, match="no tool"):
                await client.call_tool("execute_command", {"command": "true"})

    run(work)
    assert daytona("mcp", "start", "--tools", "nonsense").returncode == 2


def test_a_server_that_only_reads_finds_what_there_is() -> None:
    """It makes no sandbox: calls name one, or are about the one in use."""
    made = json.loads(daytona("create", "--json").stdout)["id"]
    daytona("fs", "mkdir", f"{made}:/tmp/only-here")
    before = set(sandboxes())

    async def work() -> None:
        async with on_pipes("auto", "--read-only") as client:
            assert "list_sandboxes" in client.instructions
            assert {tool.name for tool in (await client.list_tools()).tools} == {
                "list_sandboxes",
                "file_download",
                "get_file_info",
                "list_files",
                "preview_link",
            }
            refused = await client.call_tool("list_files", {})
            assert refused.is_error and "list_sandboxes" in refused.content[0].text
            (listed,) = [s for s in (await call(client, "list_sandboxes"))["sandboxes"] if s["id"] == made]
            files = (await call(client, "list_files", id=listed["id"], path="/tmp"))["files"]
            assert "only-here" in [file["name"] for file in files]
        async with on_pipes("auto", "--read-only", environment={"DAYTONA_SANDBOX": made}) as client:
            assert (await call(client, "get_file_info", filePath="/tmp/only-here"))["isDir"]

    run(work)
    assert set(sandboxes()) <= before
    daytona("delete", made)


def test_directories_go_both_ways_below_what_is_shared(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "project/node_modules").mkdir(parents=True)
    (shared / "project/a.txt").write_text("a")
    (shared / "project/node_modules/b").write_text("b")
    (shared / "link").symlink_to(tmp_path)

    async def work() -> None:
        async with on_pipes("auto", "--share", str(shared)) as client:
            up = {"localPath": "project", "path": "/tmp/project", "exclude": ["node_modules"]}
            assert (await call(client, "upload_directory", **up))["files"] == 1
            await call(client, "execute_command", command="echo b >/tmp/project/b.txt")
            await call(client, "download_directory", path="/tmp/project", localPath="back")
            for outside in ("..", str(tmp_path), "link/x"):
                refused = await client.call_tool("download_directory", {"path": "/tmp/project", "localPath": outside})
                assert refused.is_error and "shared" in refused.content[0].text

    run(work)
    assert sorted(path.name for path in (shared / "back").iterdir()) == ["a.txt", "b.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shared"]
    assert daytona("mcp", "start", "--share", str(shared), "--http").returncode == 2
    assert daytona("mcp", "start", "--tools", "directories").returncode == 2


def test_a_desktop_is_driven() -> None:
    """The tools of the documented server for it."""

    async def work() -> None:
        async with on_pipes("auto", "--tools", "all") as client:
            names = {tool.name for tool in (await client.list_tools()).tools if tool.name.startswith("computer_use_")}
            assert {name.removeprefix("computer_use_") for name in names} == DESKTOP
            # A sandbox without one says so.
            refused = await client.call_tool("computer_use_start", {})
            assert refused.is_error and refused.structured_content["error"]["kind"] == "ServiceUnavailable"
            sandbox = (await call(client, "create_sandbox", snapshot="daytona-desktop"))["id"]

            async def act(tool: str, **arguments: Any) -> Any:
                return await call(client, f"computer_use_{tool}", id=sandbox, **arguments)

            await act("start")
            assert (await act("status"))["status"] == "active"
            moved = await act("mouse_move", x=40, y=50)
            assert moved == await act("mouse_position") == {"x": 40, "y": 50}
            await act("mouse_click", x=60, y=70, button="right")
            await act("mouse_drag", start_x=10, start_y=10, end_x=20, end_y=30)
            await act("mouse_scroll", x=60, y=70, direction="down", amount=2)
            await act("keyboard_press", key="Escape")
            await act("keyboard_hotkey", keys="ctrl+a")
            assert await act("keyboard_type", text="grüße") == {"typed": 5}
            display = (await act("display_info"))["displays"][0]
            part = {"x": 5, "y": 5, "width": 30, "height": 20}
            for tool, arguments, size in [
                ("screenshot", {}, (display["width"], display["height"])),
                ("screenshot_region", part, (30, 20)),
                (
                    "screenshot_compressed_region",
                    {"x": 5, "y": 5, "width": 30, "height": 20, "format": "png"},
                    (30, 20),
                ),
                ("screenshot_compressed", {"quality": 40}, None),
            ]:
                result = await client.call_tool(f"computer_use_{tool}", {"id": sandbox, **arguments})
                assert [content.type for content in result.content] == ["text", "image"], result
                picture = base64.b64decode(result.content[1].data)
                if size:
                    assert picture.startswith(b"\x89PNG")
                    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == size
                else:
                    assert picture.startswith(b"\xff\xd8")
            assert isinstance((await act("windows"))["windows"], list)
            assert (await act("accessibility_tree", scope="all", max_depth=1))["root"]
            assert (await act("accessibility_find", scope="all", role="nothing of this kind"))["matches"] == []
            recording = (await act("recording_start", label="test"))["id"]
            assert (await act("recording_stop", recordingId=recording))["id"] == recording
            assert recording in [found["id"] for found in (await act("recording_list"))["recordings"]]
            assert (await act("recording_get", recordingId=recording))["filePath"]
            await act("recording_delete", recordingId=recording)
            await act("stop")

    run(work)


def test_a_part_of_a_file_is_read_without_what_is_before_it() -> None:
    """A sparse file of a terabyte: its end could not be reached through the rest."""

    async def work() -> None:
        async with on_pipes("auto") as client:
            await call(client, "execute_command", command="truncate -s 1T /tmp/large; printf end >>/tmp/large")
            part = await client.call_tool("file_download", {"filePath": "/tmp/large", "offset": 2**40})
            assert part.structured_content is not None and part.content[0].text == "end"
            assert (part.structured_content["size"], part.structured_content["nextOffset"]) == (2**40 + 3, None)
            part = await client.call_tool("file_download", {"filePath": "/tmp/large", "offset": 2**40 + 1, "limit": 1})
            assert part.structured_content is not None and part.content[0].text.startswith("n\n")
            assert part.structured_content["nextOffset"] == 2**40 + 2
            behind = await call(client, "file_download", filePath="/tmp/large", offset=2**40 + 3)
            assert (behind["nextOffset"], behind["encoding"]) == (None, "text")

    run(work)


def test_arguments_of_any_kind_are_answered() -> None:
    """Whatever is sent, the answer is a result or an error, and the server goes on."""
    generator = random.Random(7)
    values: list[Callable[[], Any]] = [
        lambda: None,
        lambda: generator.choice([True, False, 0, -1, 1e308, 2**63, 0.5]),
        lambda: "".join(generator.choices(string.printable + "ü\0\u202e", k=generator.randrange(40))),
        lambda: [1, {"a": []}],
        lambda: {"x": None},
        lambda: "../" * 50,
    ]
    harmless = {"create_sandbox", "destroy_sandbox", "git_clone"}

    async def work() -> None:
        async with on_pipes("auto", "--tools", "all") as client:
            sandbox = (await call(client, "create_sandbox"))["id"]
            tools = [tool for tool in (await client.list_tools()).tools if tool.name not in harmless]
            for tool in tools:
                for _ in range(6):
                    names = list(tool.input_schema["properties"])
                    arguments = {name: generator.choice(values)() for name in names if generator.random() < 0.8}
                    arguments["id"] = sandbox
                    if tool.name in ("execute_command", "start_process", "run_code"):
                        arguments.pop("command", None)
                    if tool.name in ("stop_sandbox", "start_sandbox"):
                        arguments["id"] = generator.choice(values[1:])()
                    try:
                        await client.call_tool(tool.name, arguments)
                    except Exception as error:
                        assert "closed" not in str(error).lower(), error
            assert (await call(client, "execute_command", id=sandbox, command="echo still"))["output"] == "still\n"

    run(work)


def test_a_conversation_outlives_its_sandbox() -> None:
    async def work() -> None:
        async with on_pipes("auto") as client:

            async def shared() -> str:
                """Id of the shared sandbox, which is made for the first call."""
                before = set(sandboxes())
                await call(client, "execute_command", command="touch /tmp/here")
                (made,) = set(sandboxes()) - before
                return made

            first = await shared()
            await call(client, "destroy_sandbox", id=first)
            second = await shared()
            # It stops: a call notices, the next one starts it.
            assert daytona("stop", second).returncode == 0
            assert (await client.call_tool("execute_command", {"command": "true"})).is_error
            await call(client, "execute_command", command="test -e /tmp/here")
            # It is deleted: a call notices, the next one says so, then there is another.
            assert daytona("delete", second).returncode == 0
            assert (await client.call_tool("execute_command", {"command": "true"})).is_error
            told = await client.call_tool("execute_command", {"command": "true"})
            assert told.is_error and "deleted" in told.content[0].text
            await shared()

    run(work)


def conversation() -> list[dict[str, Any]]:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
def test_a_creation_that_is_cut_short_leaves_no_sandbox(delay: float) -> None:
    label = uuid.uuid4().hex
    arguments = {"name": "create_sandbox", "arguments": {"labels": {"by": label}}}
    with subprocess.Popen(
        [PROGRAM, "mcp", "start"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for message in conversation():
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": arguments}
        process.stdin.write(json.dumps(call).encode() + b"\n")
        process.stdin.flush()
        time.sleep(delay)
        process.terminate()
        assert process.wait(LIMIT) == 0
    left = json.loads(daytona("list", "--json", "--label", f"by={label}").stdout)["items"]
    assert all(item["state"] in ("destroying", "destroyed") for item in left), left


def test_a_command_ends_with_the_conversation() -> None:
    """Also in a sandbox that stays."""
    sandbox = json.loads(daytona("create", "--json").stdout)["id"]
    word = f"4{uuid.uuid4().int % 10**6}"
    with subprocess.Popen(
        [PROGRAM, "mcp", "start", "--sandbox", sandbox],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdin is not None
        arguments = {"name": "execute_command", "arguments": {"command": f"exec sleep {word}"}}
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": arguments}
        for message in [*conversation(), call]:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        looking = ("exec", sandbox, "--", "pgrep", "-f", f"^sleep {word}")
        end = time.monotonic() + LIMIT
        while daytona(*looking).returncode != 0:
            assert time.monotonic() < end
        process.terminate()
        assert process.wait(LIMIT) == 0
    # What is killed is there until it has had its turn.
    while daytona(*looking).returncode != 1:
        assert time.monotonic() < end
    daytona("delete", sandbox)


def test_a_killed_agent_leaves_no_sandbox() -> None:
    """The pipe is closed without a word."""

    async def work() -> None:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "mcp", "start", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=ENVIRONMENT
        )
        assert process.stdin is not None and process.stdout is not None
        messages = [
            *conversation(),
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "create_sandbox", "arguments": {}}},
        ]
        for message in messages:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        made = None
        while made is None:
            answer = json.loads(await asyncio.wait_for(process.stdout.readline(), LIMIT))
            made = answer.get("result", {}).get("structuredContent", {}).get("id")
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0
        assert is_gone(made)

    run(work)


@pytest.mark.parametrize("agent", ["claude", "cursor", "windsurf", "claude-code", "gemini", "vscode"])
def test_an_agents_file_keeps_what_is_in_it(agent: str, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    path = Path(daytona("mcp", "init", agent, environment=home).stdout.strip())
    assert tmp_path in path.parents
    (key,) = json.loads(path.read_text())
    assert json.loads(path.read_text())[key]["daytona-mcp"]["args"] == ["mcp", "start"]
    path.write_text(json.dumps({"theme": "dark", key: {"other": {"command": "x"}}}))
    path.chmod(0o640)
    assert daytona("mcp", "init", agent, environment=home).returncode == 0
    after = json.loads(path.read_text())
    assert (after["theme"], after[key]["other"]) == ("dark", {"command": "x"})
    assert after[key]["daytona-mcp"]["command"] == os.path.realpath(PROGRAM)
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_text("{ // a comment\n}")
    refused = daytona("mcp", "init", agent, environment=home)
    assert refused.returncode == 1 and "by hand" in refused.stderr
    assert path.read_text() == "{ // a comment\n}"
    shown = daytona("mcp", "config", agent, environment=home | {"DAYTONA_API_KEY": "sesame"})
    assert "daytona-mcp" in json.loads(shown.stdout)[key] and "sesame" not in shown.stdout


def test_the_sdk_for_typescript_is_served(over_http: dict[str, Any]) -> None:
    judge = Path(__file__).parent / "judge.mjs"
    arguments = [os.environ["DAYTONA_MCP_NODE_SDK"], over_http["url"], json.dumps(over_http["headers"])]
    done = subprocess.run(["node", judge, *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
