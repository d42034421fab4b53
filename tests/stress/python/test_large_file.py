"""A file far larger than what the program may hold in memory, from path to path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GIB = 1 << 30
SIZE = 5 * GIB

PROGRAM = """
import resource, sys
from daytona import CreateSandboxFromImageParams, Daytona, Resources

source, back = sys.argv[1:]
with Daytona() as daytona:
    sandbox = daytona.create(CreateSandboxFromImageParams(image="default", resources=Resources(disk=8)))
    try:
        sandbox.fs.upload_file(b"warm", "warm")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sandbox.fs.upload_file(source, "large")
        print(sandbox.process.exec("stat -c %s large && tail -c 6 large").result.split())
        sandbox.fs.download_file("large", back)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    finally:
        sandbox.delete()
"""


def test_five_gibibytes_travel_in_flat_memory(tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    with source.open("wb") as file:
        file.write(b"begin")
        file.truncate(SIZE - 6)
        file.seek(0, 2)
        file.write(b"theend")
    program = [sys.executable, "-c", PROGRAM, str(source), str(back)]
    run = subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    seen, grown = run.stdout.splitlines()
    assert seen == str([str(SIZE), "theend"])
    assert int(grown) < 64 << 10, f"{grown} KiB more"
    assert back.stat().st_size == SIZE
    with back.open("rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek(-6, 2)
        assert file.read() == b"theend"
    back.unlink()
