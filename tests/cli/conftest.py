"""The built `daytona` program, as people and programs call it. DAYTONA_LOCAL_BINARY names it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Where tests run in the background, interrupts are ignored, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What tests fetch by themselves is on this machine: its proxies are not on the way.
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))

LIMIT = 120


class Program:
    """The program with an environment of its own: profiles are kept in a directory that only this test has."""

    def __init__(self, configuration: Path) -> None:
        self.path = os.environ["DAYTONA_LOCAL_BINARY"]
        self.environment = os.environ | {"DAYTONA_CONFIG_DIR": str(configuration), "DAYTONA_API_URL": "local"}

    def __call__(
        self, *arguments: str, stdin: bytes | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs it to its end, whatever that is."""
        return subprocess.run(
            [self.path, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=LIMIT,
            env=self.environment | (environment or {}),
        )

    def text(self, *arguments: str, stdin: bytes | None = None) -> str:
        """What it prints when it succeeds."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == 0, (arguments, done)
        return done.stdout.decode()

    def data(self, *arguments: str) -> Any:
        """The result as data."""
        done = self(*as_data(arguments))
        assert done.returncode == 0, (arguments, done)
        return json.loads(done.stdout)

    def error(self, code: int, *arguments: str) -> Any:
        """The error as data, whose exit code must be this."""
        done = self(*as_data(arguments))
        assert done.returncode == code, (arguments, done)
        assert done.stdout == b"", done
        error = json.loads(done.stderr)["error"]
        assert error["exitCode"] == code
        return error

    def ends(self, sandbox: str, pattern: str) -> None:
        """Waits until nothing runs in the sandbox whose command line matches: what is killed has had its turn."""
        end = time.monotonic() + LIMIT
        while self("exec", sandbox, "--", "pgrep", "-f", pattern).returncode != 1:
            assert time.monotonic() < end, pattern
            time.sleep(0.1)


def as_data(arguments: tuple[str, ...]) -> list[str]:
    """With `--json`; words after `--` are those of a program in a sandbox."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end], "--json", *arguments[end:]]


@pytest.fixture
def daytona(tmp_path: Path) -> Program:
    return Program(tmp_path / "configuration")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a sandbox for all tests that leave it as it is."""
    program = Program(tmp_path_factory.mktemp("configuration"))
    name = f"cli-{uuid.uuid4().hex[:12]}"
    program.text("create", "--name", name, "--label", "made-by=cli-tests", "--env", "GREETING=hello")
    yield name
    program.text("delete", name)
