"""Arguments of the wrong kind are refused by name, before anything is done with them."""

import asyncio
import math
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from daytona import AsyncDaytona, Daytona, DaytonaInvalidArgumentError, FileUpload, Sandbox


def refused(call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(DaytonaInvalidArgumentError) as caught:
        call()
    for word in words:
        assert word in caught.value.message


NO_TIMEOUT: list[Any] = [math.nan, math.inf, -1, "5", [], True]
NO_BYTES: list[Any] = [5, [5], {}, ["text"], None, object()]


def test_a_timeout_that_is_no_number_never_stands_for_no_limit(sandbox: Sandbox) -> None:
    with sandbox.process.spawn("sleep 1000") as process:
        for timeout in NO_TIMEOUT:
            refused(lambda timeout=timeout: process.wait(timeout), "timeout", "0 for no limit")
            refused(lambda timeout=timeout: process.wait(timeout, on_stdout=print), "timeout", "0 for no limit")
    refused(lambda: sandbox.process.exec("true", timeout=math.nan), "timeout", "nan")
    refused(lambda: sandbox.git.clone("/tmp", "x", timeout=math.inf), "timeout", "inf")


def test_what_is_no_text_is_refused_with_its_name(sandbox: Sandbox) -> None:
    wrong: Any = b"secret"
    with pytest.raises(DaytonaInvalidArgumentError, match="The command of type bytes is not usable") as caught:
        sandbox.process.spawn(wrong)
    assert "secret" not in caught.value.message
    path: Any = PurePosixPath("x")
    refused(lambda: sandbox.fs.upload_dir(".", path), "remote_path", "str()")
    refused(lambda: sandbox.process.spawn("true", env={"A": wrong}), "The env['A'] of type bytes")
    several: Any = {"x"}
    refused(lambda: sandbox.fs.upload_dir(".", "x", exclude=several), "exclude", "set", "list")


def test_content_is_bytes_and_nothing_that_could_be_taken_for_them(sandbox: Sandbox, unique: str) -> None:
    writer = sandbox.fs.open_upload(unique)
    terminal = sandbox.process.create_pty_session(unique)
    with sandbox.process.spawn("cat", stdin=True) as process:
        for wrong in NO_BYTES:
            for write in (process.write, writer.write, terminal.send_input):
                refused(lambda write=write, wrong=wrong: write(wrong), "bytes")
            refused(lambda wrong=wrong: sandbox.fs.upload_file(wrong, unique))
            refused(lambda wrong=wrong: sandbox.fs.upload_files([FileUpload(wrong, unique)]), "content")
    terminal.kill()
    writer.abort()
    for file in ("x", ("x", "y"), 5):
        files: Any = [file]
        refused(lambda files=files: sandbox.fs.upload_files(files), "FileUpload")
        refused(lambda files=files: sandbox.fs.download_files(files), "FileDownloadRequest")
    for source in ([5], ["text"], 5, None):
        refused(lambda source=source: sandbox.fs.upload_file_stream(source, unique), "bytes")
    assert sandbox.process.exec(f"test -e {unique}").exit_code == 1


def test_a_local_file_that_cannot_be_read_is_one_error_however_it_is_uploaded(sandbox: Sandbox, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, "\0"):
        refused(lambda path=path: sandbox.fs.upload_file(path, "x"))
        refused(lambda path=path: sandbox.fs.upload_file(path, "x", on_progress=print))
        refused(lambda path=path: sandbox.fs.upload_file_stream(path, "x"))


def test_dictionaries_stand_for_classes_and_their_names_are_checked(daytona: Daytona, sandbox: Sandbox) -> None:
    wrong: Any = {"name": "x", "labels": {"a": "b"}, "nmae": "y"}
    refused(lambda: daytona.create(wrong), "'nmae'", "did you mean 'name'?")
    refused(lambda: daytona.create(**wrong), "'nmae'")
    refused(lambda: daytona.create(resources={"cpus": 1}), "'cpus'", "'cpu'")  # type: ignore[arg-type]
    refused(lambda: daytona.create(volumes=[{"volume_id": "v"}]), "volumes", "mount_path")  # type: ignore[list-item]
    refused(lambda: daytona.create("python"), "'python'", "CreateSandboxParams")  # type: ignore[arg-type]
    refused(lambda: daytona.list(query={"limits": 1}), "'limits'", "'limit'")  # type: ignore[call-overload]
    refused(lambda: Daytona({"api_kye": "x"}), "'api_kye'", "'api_key'")  # type: ignore[arg-type]
    refused(lambda: sandbox.process.code_run("1", {"args": []}), "'args'", "'argv'")  # type: ignore[arg-type]
    refused(lambda: sandbox.process.create_pty_session("t", pty_size=(80, 24)), "pty_size", "PtySize")  # type: ignore[arg-type]
    taken: Any = {"labels": {"a": "b"}, "auto_stop_interval": 3, "env": {"A": "1"}}
    with daytona.create(taken) as created:
        assert (created.labels["a"], created.auto_stop_interval) == ("b", 3)
        assert created.process.code_run("import os; print(os.environ['A'])", {"env": {"A": "2"}}).result == "2\n"  # type: ignore[arg-type]
        created.fs.upload_files([{"source": b"x", "destination": "x"}])  # type: ignore[list-item]
        assert created.fs.download_files([{"source": "x"}])[0].result == b"x"  # type: ignore[list-item]


def test_signals_and_patterns_are_what_they_say(sandbox: Sandbox) -> None:
    wrong: Any
    with sandbox.process.spawn("sleep 1000") as process:
        for wrong in (1.5, True, None, b"TERM", []):
            refused(lambda wrong=wrong: process.send_signal(wrong), "signal", "SIGTERM")
        for wrong in (None, 5, b"x", re.compile(b"x")):
            refused(lambda wrong=wrong: process.wait_for_log(wrong), "pattern", "text")
        assert process.poll() is None


def test_the_asynchronous_forms_refuse_the_same(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with AsyncDaytona() as daytona:
            target = await daytona.get(sandbox.id)
            async with await target.process.spawn("cat", stdin=True) as process:
                wrong: Any
                for wrong in NO_TIMEOUT:
                    with pytest.raises(DaytonaInvalidArgumentError, match="timeout"):
                        await process.wait(wrong, on_stderr=print)
                for wrong in NO_BYTES:
                    with pytest.raises(DaytonaInvalidArgumentError, match="bytes"):
                        await process.write(wrong)
                for wrong in (5, [5], "/nowhere/at/all"):
                    with pytest.raises(DaytonaInvalidArgumentError):
                        await target.fs.upload_file_stream(wrong, "x")

    asyncio.run(main())
