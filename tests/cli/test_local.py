"""The local engine by hand, in a state directory of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from conftest import LIMIT, Program


def test_an_engine_runs_in_the_background_until_it_is_stopped(daytona: Program, tmp_path: Path) -> None:
    own = {"DAYTONA_LOCAL_STATE_DIR": str(tmp_path / "state")}
    assert daytona("local", "status", environment=own).returncode == 1
    assert b"no log yet" in daytona("local", "logs", environment=own).stderr
    try:
        started = daytona("local", "serve", "--detach", "--isolation", "none", environment=own)
        assert started.returncode == 0, started
        assert b"already" in daytona("local", "serve", "--detach", environment=own).stderr
        status = json.loads(daytona("local", "status", "--json", environment=own).stdout)
        assert f"pid {status['pid']}".encode() in started.stdout
        assert "limits" in status and "apiKey" not in status
        assert daytona("create", "--name", "box", environment=own).returncode == 0
        assert daytona("local", "reset", environment=own).returncode == 2
        done = daytona("local", "reset", "--yes", environment=own)
        assert done.stdout == b"deleted: 1\nstopped\n", done
        assert daytona("local", "logs", environment=own).stdout
        assert daytona("local", "stop", environment=own).stdout == b"no engine is running\n"
    finally:
        daytona("local", "stop", environment=own)


def test_what_opens_a_sandbox_is_in_no_log(daytona: Program, tmp_path: Path) -> None:
    state = tmp_path / "state"
    own = {"DAYTONA_LOCAL_STATE_DIR": str(state), "DAYTONA_LOG": "trace"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        engine = subprocess.Popen(
            [daytona.path, "local", "serve"], stdout=output, stderr=output, env=daytona.environment | own
        )
    try:
        deadline = time.monotonic() + LIMIT
        while not (state / "engine.json").exists():
            assert time.monotonic() < deadline and engine.poll() is None, log.read_text()
            time.sleep(0.02)
        announced = json.loads((state / "engine.json").read_text())

        def ask(method: str, path: str) -> Any:
            headers = {"Authorization": f"Bearer {announced['apiKey']}", "Content-Type": "application/json"}
            body = b"{}" if method == "POST" else None
            request = urllib.request.Request(announced["apiUrl"] + path, body, headers, method=method)
            with urllib.request.urlopen(request, timeout=LIMIT) as answer:
                return json.loads(answer.read() or b"null")

        sandbox = ask("POST", "/sandbox")["id"]
        access = ask("POST", f"/sandbox/{sandbox}/ssh-access")
        assert ask("GET", f"/sandbox/ssh-access/validate?token={access['token']}")["valid"]
        preview = ask("GET", f"/sandbox/{sandbox}/ports/22222/preview-url")
        signed = ask("GET", f"/sandbox/{sandbox}/ports/8000/signed-preview-url")
        with urllib.request.urlopen(f"{preview['url']}/?DAYTONA_SANDBOX_AUTH_KEY={preview['token']}", timeout=LIMIT):
            pass
        with suppress(urllib.error.HTTPError):  # Nobody listens there.
            urllib.request.urlopen(signed["url"], timeout=LIMIT)
        wrong = "guessed0guessed0guessed0guessed0"
        ssh = access["sshCommand"].split()
        ssh[1:1] = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
        ssh[1:1] = ["-o", "UserKnownHostsFile=/dev/null"]
        for command, code in ((ssh, 0), ([part.replace(access["token"], wrong) for part in ssh], 255)):
            done = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
            assert done.returncode == code, done
        ask("DELETE", f"/sandbox/{sandbox}/ssh-access")
        ask("DELETE", f"/sandbox/{sandbox}")
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(LIMIT)
    logged = log.read_text()
    assert sandbox in logged, logged
    for secret in (announced["apiKey"], access["token"], wrong, preview["token"], signed["token"]):
        assert secret not in logged, logged


def test_the_dashboard_has_an_address_and_a_key(daytona: Program, tmp_path: Path) -> None:
    own = {"DAYTONA_LOCAL_STATE_DIR": str(tmp_path / "state")}
    try:
        # It starts an engine when none runs.
        address = daytona("local", "dashboard", environment=own)
        key = daytona("local", "dashboard", "--key", environment=own).stdout.decode().strip()
        assert key == json.loads((tmp_path / "state/engine.json").read_text())["apiKey"]
        assert key.encode() not in address.stdout + address.stderr
        with urllib.request.urlopen(address.stdout.decode().strip(), timeout=LIMIT) as page:
            assert b"dashboard.js" in page.read()
    finally:
        daytona("local", "stop", environment=own)


def test_a_log_is_followed(daytona: Program, tmp_path: Path) -> None:
    (tmp_path / "engine.log").write_text("one\n")
    with subprocess.Popen(
        [daytona.path, "local", "logs", "--follow"],
        stdout=subprocess.PIPE,
        env=daytona.environment | {"DAYTONA_LOCAL_STATE_DIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"one\n"
        with (tmp_path / "engine.log").open("a") as log:
            log.write("two\n")
        assert process.stdout.readline() == b"two\n"
        process.send_signal(signal.SIGINT)
        try:
            process.wait(LIMIT)
        finally:
            process.kill()


def test_a_unit_for_systemd_names_this_program(daytona: Program, tmp_path: Path) -> None:
    unit = daytona("local", "unit", environment={"DAYTONA_LOCAL_STATE_DIR": str(tmp_path / "100 %")}).stdout.decode()
    assert f'ExecStart="{Path(daytona.path).resolve()}" local --state-dir "{tmp_path}/100 %%" serve' in unit


def test_what_sandboxes_use_is_shown(daytona: Program, sandbox: str) -> None:
    end = time.monotonic() + LIMIT
    while True:
        rows = {row["name"]: row for row in daytona.data("top")}
        if "usage" in rows[sandbox]:
            break
        assert time.monotonic() < end, rows
    assert rows[sandbox]["usage"]["memUsed"] > 0
    assert sandbox in daytona.text("top", "--once")


def test_what_builds_have_cached_is_removed(daytona: Program, tmp_path: Path) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nWORKDIR /{name}\n")
    daytona.text("snapshot", "create", name, "-f", str(tmp_path / "Dockerfile"))
    assert any(name in step["instruction"] for step in daytona.data("local", "prune", "--dry-run")["items"])
    assert "steps of builds" in daytona.text("local", "prune", "--dry-run")
    daytona.text("snapshot", "delete", name)
    assert daytona.data("local", "prune")["steps"] >= 1
    assert not any(name in step["instruction"] for step in daytona.data("local", "prune", "--dry-run")["items"])


def test_speed_is_measured(daytona: Program) -> None:
    before = {item["id"] for item in daytona.data("list", "--limit", "200")["items"]}
    measured = daytona.data("bench", "--number", "2", "--commands", "3", "--size", "1")
    assert measured["createMilliseconds"]["measured"] == measured["deleteMilliseconds"]["measured"] == 2
    assert measured["commandMilliseconds"]["measured"] == 4
    assert measured["uploadMibPerSecond"] > 0 and measured["downloadMibPerSecond"] > 0
    assert "create to first result" in daytona.text("bench", "-n", "1", "--commands", "1", "--size", "1")
    left = [item for item in daytona.data("list", "--limit", "200")["items"] if item["id"] not in before]
    assert all(item["state"] in ("destroying", "destroyed") for item in left)
