"""Files and directories to, from, between and in sandboxes."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import LIMIT, Program


@pytest.fixture
def there(daytona: Program, sandbox: str) -> Iterator[str]:
    """A new directory in the sandbox, as `SANDBOX:PATH`."""
    place = f"{sandbox}:/tmp/cli-{uuid.uuid4().hex[:12]}"
    daytona.text("fs", "mkdir", place)
    yield place
    daytona.text("fs", "rm", "-r", place)


def test_a_file_goes_there_and_back(daytona: Program, there: str, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a b.bin").write_bytes(data)
    (tmp_path / "a b.bin").chmod(0o700)
    assert daytona.data("cp", str(tmp_path / "a b.bin"), there) == {
        "files": 1,
        "bytes": len(data),
        "skipped": [],
        "dryRun": False,
    }
    daytona.text("cp", f"{there}/a b.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o755
    assert daytona("fs", "cat", f"{there}/a b.bin").stdout == data
    assert daytona.error(4, "cp", f"{there}/nothing", str(tmp_path))["kind"] == "FileNotFound"
    assert sorted(os.listdir(tmp_path)) == ["a b.bin", "back"]


def test_pipes_are_files(daytona: Program, there: str) -> None:
    data = bytes(range(256)) * 999
    assert daytona("cp", "-", f"{there}/piped", stdin=data).returncode == 0
    assert daytona("cp", f"{there}/piped", "-").stdout == data


def test_directories_go_there_between_and_back(daytona: Program, there: str, tmp_path: Path) -> None:
    (tmp_path / "tree/node_modules").mkdir(parents=True)
    (tmp_path / "tree/x.txt").write_text("x")
    (tmp_path / "tree/node_modules/y").write_text("y")
    assert daytona.data("cp", "--dry-run", str(tmp_path / "tree"), there)["dryRun"]
    assert daytona.data("fs", "ls", there) == []
    assert daytona.data("cp", "-x", "node_modules", str(tmp_path / "tree"), there)["files"] == 1
    assert daytona.text("fs", "find", there, "*.txt").endswith("/tree/x.txt\n")
    daytona.text("cp", f"{there}/tree", f"{there}/copy")
    daytona.text("cp", f"{there}/copy/x.txt", f"{there}/copy/z.txt")
    daytona.text("cp", f"{there}/copy/.", str(tmp_path / "back"))
    assert sorted(os.listdir(tmp_path / "back")) == ["x.txt", "z.txt"]


def test_files_are_looked_at_and_changed(daytona: Program, there: str) -> None:
    path = there.partition(":")[2]
    daytona("cp", "-", f"{there}/one.txt", stdin=b"first line\nsecond line\n")
    assert daytona.data("fs", "stat", f"{there}/one.txt")["size"] == 23
    assert daytona.text("fs", "grep", "second", f"{there}/one.txt") == f"{path}/one.txt:2:second line\n"
    assert daytona("fs", "grep", "third", there).returncode == 1
    daytona.text("fs", "replace", "line", "row", f"{there}/one.txt")
    assert daytona.text("fs", "cat", f"{there}/one.txt") == "first row\nsecond row\n"
    daytona.text("fs", "mv", f"{there}/one.txt", f"{path}/two.txt")
    assert [entry["name"] for entry in daytona.data("fs", "ls", there)] == ["two.txt"]
    assert "two.txt" in daytona.text("fs", "ls", there)
    daytona.text("fs", "chmod", f"{there}/two.txt", "-m", "600")
    assert daytona.data("fs", "stat", f"{there}/two.txt")["permissions"] == "0600"
    assert daytona("fs", "rm", there).returncode != 0
    daytona.text("fs", "rm", f"{there}/two.txt")
    assert daytona.error(2, "cp", "a", "b")["kind"] == "InvalidArgument"


def test_what_is_no_file_is_written_not_replaced(daytona: Program, there: str, tmp_path: Path) -> None:
    daytona("cp", "-", f"{there}/one.txt", stdin=b"first")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    daytona.text("cp", f"{there}/one.txt", str(tmp_path / "pipe"))
    assert os.read(reader, 100) == b"first"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to("file")
    daytona.text("cp", f"{there}/one.txt", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "first"


def test_programs_stay_programs_between_sandboxes(daytona: Program, there: str) -> None:
    daytona("cp", "-", f"{there}/one", stdin=b"#!/bin/sh\n")
    daytona.text("fs", "chmod", f"{there}/one", "-m", "755")
    daytona.text("cp", f"{there}/one", f"{there}/two")
    assert daytona.data("fs", "stat", f"{there}/two")["permissions"] == "0755"


def test_no_path_is_taken_for_one_of_another_sandbox(daytona: Program, there: str) -> None:
    daytona("cp", "-", f"{there}/one.txt", stdin=b"first")
    path = there.partition(":")[2]
    assert "another sandbox" in daytona.error(2, "fs", "mv", f"{there}/one.txt", "other:/tmp/two.txt")["message"]
    daytona.error(2, "fs", "replace", "first", "second", f"{there}/one.txt", f"other:{path}/one.txt")
    assert daytona.text("fs", "cat", f"{there}/one.txt") == "first"
    daytona.text("fs", "mv", f"{there}/one.txt", f"{there}/two.txt")
    assert [entry["name"] for entry in daytona.data("fs", "ls", there)] == ["two.txt"]


def test_odd_names_and_ends_are_what_they_say(daytona: Program, there: str, tmp_path: Path) -> None:
    path = there.partition(":")[2]
    (tmp_path / "-x").write_text("dash")
    (tmp_path / "new\nline").write_text("line")
    (tmp_path / "link").symlink_to("-x")
    for name in ("-x", "new\nline", "link"):
        done = subprocess.run(
            [daytona.path, "cp", "--", name, there], cwd=tmp_path, env=daytona.environment, timeout=LIMIT
        )
        assert done.returncode == 0
        daytona.text("cp", "--", f"{there}/{name}", str(tmp_path / "back"))
        assert (tmp_path / "back").read_text() == (tmp_path / name).read_text()
    daytona.text("cp", str(tmp_path / "link"), f"{there}/made/")
    assert [entry["name"] for entry in daytona.data("fs", "ls", f"{there}/made")] == ["link"]
    # A directory is no file, and the other way round: both stay as they are.
    daytona.text("fs", "mkdir", f"{there}/made/-x")
    (tmp_path / "directory/link").mkdir(parents=True)
    (tmp_path / "directory/kept").write_text("kept")
    for source, destination in [
        (str(tmp_path / "-x"), f"{there}/made"),
        (f"{there}/made/link", str(tmp_path / "directory")),
        (str(tmp_path / "directory"), f"{there}/made/link"),
        (f"{there}/made", str(tmp_path / "back")),
        (f"{there}/made/link", f"{tmp_path}/nowhere/"),
        (f"{there}/made/link/", str(tmp_path / "back")),
        (f"{tmp_path}/back/", f"{there}/other"),
        ("-", there),
        (there, "-"),
    ]:
        assert daytona("cp", source, destination, stdin=b"piped").returncode in (1, 2, 4), (source, destination)
    assert (tmp_path / "back").read_text() == "dash" and (tmp_path / "directory/kept").read_text() == "kept"
    assert daytona.text("fs", "cat", f"{there}/made/link") == "dash"
    assert "other" not in daytona.text("fs", "ls", there)
    assert sorted(os.listdir(tmp_path)) == ["-x", "back", "directory", "link", "new\nline"]
    assert daytona.text("exec", there.partition(":")[0], f"ls -A {path} | grep -c daytona; true") == "0\n"


def test_what_was_private_stays_private(daytona: Program, there: str, tmp_path: Path) -> None:
    daytona("cp", "-", f"{there}/one", stdin=b"first")
    (tmp_path / "key").write_text("before")
    (tmp_path / "key").chmod(0o600)
    daytona.text("cp", f"{there}/one", str(tmp_path / "key"))
    assert (tmp_path / "key").read_text() == "first"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_an_interrupted_copy_leaves_nothing(daytona: Program, there: str) -> None:
    with subprocess.Popen(
        [daytona.path, "cp", "-", f"{there}/half"], stdin=subprocess.PIPE, env=daytona.environment
    ) as process:
        assert process.stdin is not None
        # More than is read ahead: a part is on its way when this returns.
        process.stdin.write(bytes(4_000_000))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130
    # The other side learns of it a moment later.
    until = time.monotonic() + LIMIT
    while daytona.data("fs", "ls", there) != []:
        assert time.monotonic() < until, "a part is left"
        time.sleep(0.1)


def test_few_of_many_that_are_skipped_are_told(daytona: Program, sandbox: str, tmp_path: Path) -> None:
    place = f"/tmp/links-{uuid.uuid4().hex[:8]}"
    daytona.text("exec", sandbox, f"mkdir {place} && for i in $(seq 30); do ln -s /etc/passwd {place}/$i; done")
    told = daytona("cp", f"{sandbox}:{place}", str(tmp_path / "a")).stderr.decode()
    assert told.count("it is a link") == 20 and "10 more" in told
    assert len(daytona.data("cp", f"{sandbox}:{place}", str(tmp_path / "b"))["skipped"]) == 30


def test_where_nothing_more_can_be_written_nothing_is_lost(daytona: Program, there: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    here, more = tmp_path / "here", 1 << 20
    here.mkdir()
    (here / "file").write_text("before")
    (tmp_path / "big").write_bytes(os.urandom(more))
    daytona.text("cp", str(tmp_path / "big"), f"{there}/file")

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (more // 2, more // 2))

    for command, name in (
        (["cp", f"{there}/file", str(here)], "here/file cannot be written"),
        (["cp", f"{there}/file", str(here / "new")], "here/new cannot be written"),
        (["cp", there, str(here / "new")], "file"),
        (["sync", str(here), there], "file cannot be written here"),
    ):
        done = subprocess.run(
            [daytona.path, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
            env=daytona.environment,
            preexec_fn=limited,
        )
        assert done.returncode == 1 and name in done.stderr.decode(), (command, done)
        assert [path.read_text() for path in here.rglob("*") if path.is_file()] == ["before"], command
    daytona.text("cp", f"{there}/file", str(tmp_path / "same"))
    assert (tmp_path / "same").read_bytes() == (tmp_path / "big").read_bytes()
