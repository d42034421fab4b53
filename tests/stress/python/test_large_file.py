"""A file far larger than what the program may hold in memory, from path to path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20
# More than 32 bits count. The file is on the disk once at a time, yet that is more than some machines have to spare.
LARGE, ROOM = 4200 * MIB, 10_000 * MIB
SMALL = 512 * MIB
# What the program may grow by in between.
GROWTH = 64 * MIB

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
        # The same bytes again, of which the disk holds the first and the last.
        again = "size=$(stat -c %s large) && rm large && printf begin > large && truncate -s $((size - 6)) large"
        sandbox.process.exec(again + " && printf theend >> large")
        sandbox.fs.download_file("large", back)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    finally:
        sandbox.delete()
"""


def test_a_large_file_travels_in_flat_memory(tmp_path: Path) -> None:
    size = LARGE if shutil.disk_usage(tmp_path).free > ROOM else SMALL
    source, back = tmp_path / "source", tmp_path / "back"
    with source.open("wb") as file:
        file.write(b"begin")
        file.truncate(size - 6)
        file.seek(0, 2)
        file.write(b"theend")
    program = [sys.executable, "-c", PROGRAM, str(source), str(back)]
    run = subprocess.run(program, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stderr
    seen, grown = run.stdout.splitlines()
    assert seen == str([str(size), "theend"])
    assert int(grown) * 1024 < GROWTH, f"{grown} KiB more"
    assert back.stat().st_size == size
    with back.open("rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek(-6, 2)
        assert file.read() == b"theend"
    back.unlink()
