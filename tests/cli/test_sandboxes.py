"""Sandboxes from their creation to their end, and programs in them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

from conftest import LIMIT, Program


def test_a_sandbox_lives_through_its_commands(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    made = daytona.data("create", "--name", name, "-e", "A=b=c", "-l", "k=v", "--auto-stop", "0", "--auto-delete=-1")
    assert (made["name"], made["state"], made["autoStopInterval"]) == (name, "started", 0)
    assert daytona.data("info", name)["env"] == {"A": "b=c"}
    assert name in daytona.text("list").split()
    assert daytona.text("list", "--label", "k=v", "--quiet").split().count(name) == 1
    assert daytona.data("sandbox", "list", "--limit", "1")["items"]
    assert daytona.data("stop", name)["state"] == "stopped"
    assert daytona.error(125, "exec", name, "--", "true")["sandboxId"] == made["id"]
    assert daytona.data("start", name)["state"] == "started"
    url = daytona.text("preview-url", name, "--port", "3000").strip()
    assert url.startswith("http")
    assert daytona.data("delete", name, "--dry-run") == {"wouldDelete": [name]}
    assert daytona.data("rm", name, "--wait") == {"deleted": [name]}
    assert daytona.error(4, "info", name)["kind"] == "NotFound"


def test_a_dry_run_creates_nothing(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    shown = daytona.data("create", "--name", name, "--dry-run", "--memory", "2048", "--class", "small")
    assert (shown["name"], shown["resources"], shown["snapshot"]) == (name, {"memory": 2}, "daytona-small")
    assert daytona.error(4, "info", name)


def test_a_dry_run_shows_no_secrets(daytona: Program) -> None:
    command = ("create", "--env", "TOKEN=sesame", "--dry-run")
    assert daytona.data(*command)["envVars"] == {"TOKEN": "[secret]"}
    shown = daytona.text(*command)
    assert "TOKEN" in shown and "sesame" not in shown


def test_a_deletion_at_the_end_is_not_waited_for_after_an_interrupt(daytona: Program) -> None:
    """The engine stands still, so that deleting takes as long as it likes."""
    name = f"cli-{uuid.uuid4().hex[:12]}"
    with subprocess.Popen(
        [daytona.path, "run", "--name", name, "--", "echo ready; cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=daytona.environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        engine = daytona.data("local", "status")["pid"]
        os.kill(engine, signal.SIGSTOP)
        try:
            process.stdin.close()
            # Neither the end of the program nor that of the sandbox is told any more: two interrupts end both.
            end = time.monotonic() + LIMIT
            while process.poll() is None:
                assert time.monotonic() < end
                process.send_signal(signal.SIGINT)
                time.sleep(0.2)
        finally:
            os.kill(engine, signal.SIGCONT)
        assert process.returncode == 130
        assert name.encode() in process.stderr.read()
    daytona("delete", name)


def test_outputs_come_apart_with_the_exit_code(daytona: Program, sandbox: str) -> None:
    done = daytona("exec", sandbox, "--", "sh", "-c", "printf out; printf err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out", b"err")
    done = daytona("exec", "--json", sandbox, "--", "sh", "-c", "printf out; printf err >&2; exit 7")
    assert done.returncode == 7
    assert json.loads(done.stdout) == {"exitCode": 7, "stdout": "out", "stderr": "err"}


def test_arguments_reach_a_program_as_they_are(daytona: Program, sandbox: str) -> None:
    words = ["a  b", "", "$HOME", "it's", '"', "*", "-x", "--", "ü", "new\nline", "\\"]
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    assert json.loads(daytona.text("exec", sandbox, "--", "python3", "-c", script, *words)) == words
    assert daytona.text("exec", sandbox, "echo $GREETING | tr a-z A-Z") == "HELLO\n"


def test_bytes_pass_unchanged(daytona: Program, sandbox: str) -> None:
    data = bytes(range(256)) * 5000
    done = daytona("exec", "--stdin", sandbox, "--", "cat", stdin=data)
    assert (done.returncode, done.stdout) == (0, data)


def test_what_a_program_leaves_in_the_background_goes_on(daytona: Program, sandbox: str) -> None:
    daytona.text("exec", sandbox, "nohup sleep 2345 >/dev/null 2>&1 &")
    assert daytona("exec", sandbox, "--", "pkill", "-f", "^sleep 2345").returncode == 0


def test_a_program_that_runs_too_long_is_killed(daytona: Program, sandbox: str) -> None:
    done = daytona("exec", sandbox, "--timeout", "1", "--", "sleep", "1234")
    assert done.returncode == 124
    assert b"timeout" in done.stderr
    daytona.ends(sandbox, "^sleep 1234")


def test_an_interrupt_reaches_the_program(daytona: Program, sandbox: str) -> None:
    script = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [daytona.path, "exec", sandbox, "--", "bash", "-c", script],
        stdout=subprocess.PIPE,
        env=daytona.environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"caught\n"
        assert process.wait(LIMIT) == 3


def test_more_than_fits_a_result_is_refused(daytona: Program, sandbox: str) -> None:
    assert "--json" in daytona.error(125, "exec", sandbox, "--", "yes", "for-a-result")["message"]
    daytona.ends(sandbox, "^yes for-a-result")


def test_a_closed_pipe_ends_it_quietly(daytona: Program, sandbox: str) -> None:
    with subprocess.Popen(
        [daytona.path, "exec", sandbox, "--", "yes", "for-a-closed-pipe"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=daytona.environment,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == 141
    daytona.ends(sandbox, "^yes for-a-closed-pipe")
    for arguments in (["list"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [daytona.path, *arguments], stdout=writer, stderr=subprocess.PIPE, env=daytona.environment, timeout=LIMIT
        )
        os.close(writer)
        assert done.stderr == b""


def test_an_interrupted_creation_leaves_nothing(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    with subprocess.Popen(
        [daytona.path, "create", "--name", name], stderr=subprocess.DEVNULL, env=daytona.environment
    ) as process:
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code = process.wait(LIMIT)
    # It may have been created before the signal came.
    if code == 0:
        daytona.text("delete", name)
    else:
        assert code in (130, -signal.SIGINT)
        # Deleted ones are still shown while they go.
        done = daytona("info", "--json", name)
        assert done.returncode == 4 or json.loads(done.stdout)["state"] in ("destroying", "destroyed")


def test_run_deletes_its_sandbox(daytona: Program) -> None:
    done = daytona("run", "--label", "by=run", "sh", "-c", "cat; exit 5", stdin=b"piped")
    assert (done.returncode, done.stdout) == (5, b"piped")
    left = daytona.data("list", "--label", "by=run")["items"]
    assert all(item["state"] in ("destroying", "destroyed") for item in left)


def test_code_is_run_in_its_language(daytona: Program, sandbox: str) -> None:
    assert daytona.text("code", sandbox, "-c", "import sys; print(sys.argv[1:])", "--", "a b") == "['a b']\n"
    assert daytona("code", sandbox, stdin=b"raise SystemExit(4)").returncode == 4
    assert daytona.data("code", sandbox, "-c", "print(6 * 7)")["result"] == "42\n"


def test_the_sandbox_in_use_need_not_be_named(daytona: Program, sandbox: str) -> None:
    assert "use NAME" in daytona.error(2, "info")["message"]
    assert daytona.data("use", sandbox) == {"sandbox": sandbox}
    assert daytona.data("info")["name"] == sandbox
    assert daytona.text("exec", "--", "printenv", "GREETING") == "hello\n"
    assert daytona("info", environment={"DAYTONA_SANDBOX": "another"}).returncode == 4
    assert daytona.data("use", "--none") == {"sandbox": None}
    # What is deleted is always named.
    daytona.error(2, "delete")


def test_a_sandbox_is_paused_resized_copied_and_archived(daytona: Program) -> None:
    name, copy = (f"cli-{uuid.uuid4().hex[:12]}" for _ in range(2))
    daytona.text("create", "--name", name)
    try:
        daytona("cp", "-", f"{name}:/tmp/kept", stdin=b"kept")
        assert daytona.text("pause", name) == f"{name} paused\n"
        assert daytona.data("info", name)["state"] == "paused"
        assert daytona.data("resume", name)["state"] == "started"
        assert daytona.data("resize", name, "--memory", "2048")["memory"] == 2
        assert daytona.error(2, "resize", name)["kind"] == "InvalidArgument"
        assert daytona.data("fork", name, "--name", copy)["name"] == copy
        assert daytona.text("fs", "cat", f"{copy}:/tmp/kept") == "kept"
        log = daytona.data("network", "log", copy)
        assert isinstance(log["entries"], list) and "domainAllowList" in log
        assert daytona.text("network", "log", copy).startswith("PROTOCOL")
        daytona.text("stop", name)
        assert daytona.data("archive", name)["state"] in ("archiving", "archived")
        end = time.monotonic() + LIMIT
        while daytona.data("info", name)["state"] != "archived":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert daytona.data("start", name)["state"] == "started"
        assert daytona.text("fs", "cat", f"{name}:/tmp/kept") == "kept"
    finally:
        daytona("delete", name)
        daytona("delete", copy)


def test_a_program_outlives_its_terminal_where_that_is_wanted(daytona: Program, sandbox: str) -> None:
    with subprocess.Popen(
        ["nohup", daytona.path, "exec", "-i", sandbox, "--", "sh", "-c", "echo begun; read line; echo $line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=daytona.environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGHUP)
        process.stdin.write(b"still there\n")
        process.stdin.close()
        assert process.stdout.read() == b"still there\n"
        assert process.wait(LIMIT) == 0


def test_a_sandbox_that_is_deleted_is_in_use_no_more(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    daytona.text("create", "--name", name)
    daytona.text("use", name)
    assert daytona.data("info")["name"] == name
    # Both are the same one.
    assert daytona.data("delete", name, daytona.data("info")["id"]) == {"deleted": [name]}
    assert "daytona use" in daytona.error(2, "info")["message"]


def test_a_deletion_counts_where_the_choice_cannot_be_forgotten(daytona: Program, tmp_path: Path) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    daytona.text("create", "--name", name)
    daytona.text("use", name)
    lock = tmp_path / "configuration/profiles.lock"
    lock.unlink()
    lock.mkdir()
    done = daytona("delete", name)
    assert (done.returncode, done.stdout) == (0, f"deleted {name}\n".encode()), done
    assert b"profiles.json cannot be written" in done.stderr


def test_code_that_is_not_there_is_asked_for(daytona: Program, sandbox: str) -> None:
    for more in ([], ["--code", " "]):
        assert "--file" in daytona.error(2, "code", sandbox, *more)["message"]
