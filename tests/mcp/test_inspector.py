"""The inspector's command line sees what it should, on pipes and over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import ENVIRONMENT, LIMIT, PROGRAM

INSPECTOR = Path(os.environ["DAYTONA_MCP_NODE_SDK"]) / "node_modules/.bin/mcp-inspector-cli"


def inspect(target: list[str], method: str, *more: str) -> Any:
    done = subprocess.run(
        ["node", INSPECTOR, "--cli", *target, "--method", method, *more],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=LIMIT,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", ["pipes", "http"])
def test_the_inspector_lists_and_calls(way: str, over_http: dict[str, Any]) -> None:
    header = [part for name, value in over_http["headers"].items() for part in ("--header", f"{name}: {value}")]
    http = [over_http["url"], "--transport", "http", *header]
    target = [PROGRAM, "mcp", "start", "--tools", "all"] if way == "pipes" else http
    tools = {tool["name"]: tool for tool in inspect(target, "tools/list")["tools"]}
    assert {"create_sandbox", "run_code", "computer_use_screenshot"} <= set(tools)
    assert tools["execute_command"]["inputSchema"]["required"] == ["command"]
    (template,) = inspect(target, "resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"].startswith("daytona://")
    made = inspect(target, "tools/call", "--tool-name", "create_sandbox", "--tool-arg", "autoStopInterval=5")
    sandbox = made["structuredContent"]["id"]
    if way == "http":
        arguments = ("--tool-arg", f"id={sandbox}", "--tool-arg", "command=echo hello")
        done = inspect(target, "tools/call", "--tool-name", "execute_command", *arguments)
        assert done["structuredContent"]["output"] == "hello\n" and not done["isError"]
        read = inspect(target, "resources/read", "--uri", f"daytona://{sandbox}/etc/hostname")
        assert read["contents"][0]["text"]
        inspect(target, "tools/call", "--tool-name", "destroy_sandbox", "--tool-arg", f"id={sandbox}")
