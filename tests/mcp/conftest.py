"""The MCP server of the built `daytona` program, spoken to by the official SDK for Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

# Where tests run in the background, interrupts are ignored, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

LIMIT = 120
PROGRAM = os.environ["DAYTONA_LOCAL_BINARY"]
ENVIRONMENT = os.environ | {"DAYTONA_API_URL": "local"}


def daytona(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=ENVIRONMENT | (environment or {}),
    )


def sandboxes() -> dict[str, str]:
    """State of each sandbox by its id."""
    listed = json.loads(daytona("list", "--json", "--limit", "200").stdout)
    return {item["id"]: item["state"] for item in listed["items"]}


def is_gone(sandbox: str) -> bool:
    return sandboxes().get(sandbox, "destroyed") in ("destroying", "destroyed")


@pytest.fixture(scope="session")
def over_http() -> Iterator[dict[str, Any]]:
    """A server over HTTP: its URL and the headers it wants."""
    process = subprocess.Popen(
        [PROGRAM, "mcp", "start", "--http", "--port", "0", "--tools", "all"],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.wait(LIMIT)
