"""Sessions, logs, git, ports and endpoints."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
import uuid

from conftest import LIMIT, Program


def test_a_session_keeps_its_state(daytona: Program, sandbox: str) -> None:
    at = (sandbox, "--session", f"cli-{uuid.uuid4().hex[:8]}")
    daytona.text("session", "create", *at)
    daytona.text("session", "exec", *at, "--", "cd /tmp; kept=here")
    assert daytona.text("session", "exec", *at, "--", "echo $PWD $kept") == "/tmp here\n"
    assert daytona("session", "exec", *at, "--", "(exit 5)").returncode == 5
    command = daytona.text("session", "exec", *at, "--detach", "--", "read line; echo got $line; echo no >&2").strip()
    daytona.text("session", "input", *at, "--command", command, stdin=b"it\n")
    done = daytona("logs", *at, "--command", command, "--follow")
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, b"got it", b"no\n")
    sessions = {session["sessionId"]: session for session in daytona.data("session", "list", sandbox)}
    assert command in [item["id"] for item in sessions[at[2]]["commands"]]
    assert command in daytona.text("session", "list", sandbox)
    daytona.text("session", "delete", *at)
    assert daytona.error(125, "session", "exec", *at, "--", "true")["kind"] == "NotFound"


def test_a_repository_is_worked_with(daytona: Program, sandbox: str) -> None:
    origin, clone = (f"/tmp/cli-{uuid.uuid4().hex[:8]}" for _ in range(2))
    place = f"{sandbox}:{clone}"
    commit = "git -c user.name=A -c user.email=a@example.com commit -q --allow-empty -m begin"
    daytona.text(
        "exec", sandbox, f"git init -q -b main {origin} && cd {origin} && {commit} && git checkout -q --detach"
    )
    daytona.text("git", "clone", f"file://{origin}", place)
    daytona("cp", "-", f"{place}/a.txt", stdin=b"a")
    daytona.text("git", "add", place, "a.txt")
    assert "a.txt" in daytona.text("git", "status", place)
    made = daytona.data("git", "commit", place, "-m", "first", "--author", "A", "--email", "a@example.com")
    daytona.text("git", "push", place)
    assert daytona.data("git", "log", place)[0]["hash"] == made["sha"]
    assert made["sha"][:10] in daytona.text("git", "log", place)
    daytona.text("git", "branch", place, "topic")
    daytona.text("git", "checkout", place, "topic")
    assert "topic" in daytona.data("git", "branches", place)["branches"]
    daytona.text("git", "checkout", place, "main")
    daytona.text("git", "branch", place, "topic", "--delete")
    daytona.text("git", "pull", place)
    assert daytona("git", "push", place, "--username", "x").returncode == 2


def test_a_port_is_forwarded_until_ctrl_c(daytona: Program, sandbox: str) -> None:
    daytona.text("exec", sandbox, "nohup python3 -m http.server -d /usr/share 4567 >/dev/null 2>&1 &")
    with subprocess.Popen(
        [daytona.path, "forward", sandbox, "--port", "4567", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=daytona.environment,
    ) as process:
        assert process.stdout is not None
        shown = ""
        while True:
            shown += process.stdout.readline()
            try:
                (forward,) = json.loads(shown)
                break
            except json.JSONDecodeError:
                assert process.poll() is None
        end = time.monotonic() + LIMIT
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{forward['localPort']}/", timeout=LIMIT) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                # The server in the sandbox may still be starting.
                assert time.monotonic() < end
                time.sleep(0.05)
        process.send_signal(2)
        assert process.wait(LIMIT) == 0
    with socket.socket() as closed:
        assert closed.connect_ex(("127.0.0.1", forward["localPort"])) != 0
    daytona("exec", sandbox, "pkill -f 'http.server 4567'")


def test_any_endpoint_is_reached(daytona: Program, sandbox: str) -> None:
    identity = daytona.data("info", sandbox)["id"]
    assert json.loads(daytona.text("api", f"/sandbox/{sandbox}"))["id"] == identity
    labels = daytona.text("api", "-X", "PUT", f"/sandbox/{identity}/labels", "-F", 'labels={"made-by": "cli-tests"}')
    assert json.loads(labels)["labels"] == {"made-by": "cli-tests"}
    assert json.loads(daytona.text("api", "--sandbox", sandbox, "/files/info?path=/tmp"))["isDir"]
    done = daytona("api", "/nothing")
    assert done.returncode == 4
    assert json.loads(done.stderr)["error"]["status"] == 404
    assert daytona("api", "nothing").returncode == 2
    assert daytona("api", "/sandbox", "--input", "-", stdin=b"{").returncode == 2


def test_a_volume_is_made_mounted_and_deleted(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    created = daytona.data("volume", "create", name)
    assert created["name"] == name
    assert daytona.data("volume", "get", name)["id"] == daytona.data("volume", "get", created["id"])["id"]
    assert name in daytona.text("volumes", "ls")
    sandbox = daytona.data("create", "--volume", f"{name}:/mnt/data")["id"]
    assert daytona.text("exec", sandbox, "--", "sh", "-c", "echo kept > /mnt/data/file; cat /mnt/data/file") == "kept\n"
    assert daytona.error(5, "volume", "delete", name)["kind"] == "Conflict"
    daytona.text("delete", sandbox, "--wait")
    assert daytona.text("volume", "rm", name) == f"deleted {name}\n"
    assert daytona.error(4, "volume", "get", f"{name}-no")["kind"] == "NotFound"
