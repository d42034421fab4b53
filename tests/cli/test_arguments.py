"""Arguments of any kind are taken or refused, never a crash."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from conftest import LIMIT, Program

COMMANDS = [
    "create",
    "list",
    "info",
    "start",
    "stop",
    "pause",
    "resize",
    "fork",
    "network",
    "archive",
    "delete",
    "exec",
    "preview-url",
    "run",
    "code",
    "cp",
    "sync",
    "fs",
    "git",
    "session",
    "logs",
    "pty",
    "attach",
    "forward",
    "api",
    "top",
    "bench",
    "use",
    "mcp",
    "profile",
    "logout",
    "version",
    "sandbox",
]
BELOW = [
    "ls",
    "cat",
    "rm",
    "mv",
    "find",
    "grep",
    "replace",
    "chmod",
    "clone",
    "status",
    "commit",
    "push",
    "create",
    "list",
    "delete",
    "exec",
    "config",
    "init",
]
VALUES = ["", "-", "--", "0", "-1", "1e999", "99999999999999999999", "a=b", "=", "box:", ":/x", "ü\u202e", "\x1b[31m"]
VALUES += [
    "--json",
    "--format=yaml",
    "--timeout=nan",
    "--port=0",
    "--env=A",
    "--limit",
    "-f",
    "-x",
    "--all",
    "*" * 5000,
]


def test_no_arguments_crash_it(daytona: Program, tmp_path: Path) -> None:
    generator = random.Random(11)
    # Without credentials nothing leaves this machine.
    nowhere = {"DAYTONA_API_URL": "", "DAYTONA_API_KEY": "", "HOME": str(tmp_path)}
    for _ in range(300):
        arguments = [generator.choice(COMMANDS)]
        arguments += generator.choices(BELOW + VALUES, k=generator.randrange(6))
        done = subprocess.run(
            [daytona.path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=tmp_path,
            env=daytona.environment | nowhere,
            timeout=LIMIT,
        )
        assert done.returncode in (0, 1, 2, 3, 125), (arguments, done)
        assert b"panicked" not in done.stderr, (arguments, done)
        assert b"\x1b[31m" not in done.stdout + done.stderr, (arguments, done)
