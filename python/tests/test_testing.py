"""The engine that programs test themselves with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import eventually
from daytona import (
    CreateSandboxFromSnapshotParams,
    Daytona,
    DaytonaError,
    DaytonaNotFoundError,
    DaytonaRateLimitError,
    SandboxState,
)
from daytona.testing import Engine

pytest_plugins = ["daytona.testing.plugin"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


def test_a_day_of_timers_takes_a_moment(daytona_engine: Engine, daytona_client: Daytona) -> None:
    params = CreateSandboxFromSnapshotParams(auto_stop_interval=15, auto_archive_interval=60, auto_delete_interval=120)
    sandbox = daytona_client.create(params)
    begun = daytona_engine.clock.now()
    assert daytona_engine.clock.advance("14m") == []
    done = daytona_engine.clock.advance(timedelta(days=1))
    assert [each.action for each in done] == ["stop", "archive", "delete"]
    assert {each.sandbox_id for each in done} == {sandbox.id}
    minutes = [round((each.at - begun).total_seconds() / 60) for each in done]
    # Putting it away is a change, from which the time until the deletion counts.
    assert minutes == [15, 75, 195]
    with pytest.raises(DaytonaNotFoundError):
        daytona_client.get(sandbox.id)


# region: agent
def test_an_idle_sandbox_stops(daytona_engine: Engine) -> None:
    with Daytona() as daytona:
        sandbox = daytona.create(CreateSandboxFromSnapshotParams(auto_stop_interval=15))
        daytona_engine.clock.advance("15m")
        sandbox.refresh_data()
        assert sandbox.state == "stopped"


def test_a_lost_answer(daytona_engine: Engine, daytona_client: Daytona) -> None:
    sandbox = daytona_client.create()
    daytona_engine.faults.add({"drop": "after"}, path="/process/execute")
    with pytest.raises(DaytonaError):
        sandbox.process.exec("make deploy")


# endregion
def test_each_test_begins_anew(daytona_engine: Engine) -> None:
    with Daytona() as client:
        assert list(client.list()) == []
    assert daytona_engine.faults.left() == []


def test_a_token_expires_when_the_clock_is_moved(daytona_engine: Engine, daytona_client: Daytona) -> None:
    sandbox = daytona_client.create(CreateSandboxFromSnapshotParams(auto_stop_interval=0))
    access = sandbox.create_ssh_access(expires_in_minutes=30)
    assert sandbox.validate_ssh_access(access.token).valid
    daytona_engine.clock.advance("30m")
    assert not sandbox.validate_ssh_access(access.token).valid


def test_faults_happen_as_asked(daytona_engine: Engine, daytona_client: Daytona) -> None:
    sandbox = daytona_client.create()
    faults = daytona_engine.faults
    # A lost answer: the command ran, and its call fails.
    faults.add({"drop": "after"}, path="/process/execute")
    with pytest.raises(DaytonaError):
        sandbox.process.exec("touch /tmp/ran")
    assert sandbox.process.exec("test -e /tmp/ran").exit_code == 0
    faults.add({"answer": {"status": 429, "headers": {"Retry-After": "3600"}}}, path=f"/sandbox/{sandbox.id}", times=0)
    with pytest.raises(DaytonaRateLimitError):
        sandbox.refresh_data()
    faults.clear()
    # A lost answer that is asked for again, and one that ends early.
    faults.add({"answer": {"status": 502, "committed": True}}, method="GET", path=f"/sandbox/{sandbox.id}")
    sandbox.refresh_data()
    faults.add({"cut": 2}, method="GET", path=f"/sandbox/{sandbox.id}")
    sandbox.refresh_data()
    assert faults.left() == []
    faults.add({"kill": True}, path="/process/execute")
    with pytest.raises(DaytonaError):
        sandbox.process.exec("true")
    sandbox.refresh_data()
    assert sandbox.state == SandboxState.ERROR
    with pytest.raises(DaytonaError, match="cannot be read"):
        faults.add({"burn": 1})


def test_sandboxes_are_there_in_any_state(daytona_engine: Engine, daytona_client: Daytona) -> None:
    states = ["started", "stopped", "archived", "error"]
    seeded = daytona_engine.seed(*({"name": state, "state": state} for state in states))
    assert [each["state"] for each in seeded] == states
    assert daytona_client.get("archived").state == SandboxState.ARCHIVED


def test_an_engine_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    lines = [
        "from daytona.testing import Engine",
        "engine = Engine()",
        "engine.client().create()",
        "print('ready', flush=True)",
        "input()",
    ]
    program = "\n".join(lines)
    environment = os.environ | {"DAYTONA_LOCAL_STATE_DIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as tests:
        assert tests.stdout is not None
        assert tests.stdout.readline() == b"ready\n"
        [place] = (tmp_path / "tests").iterdir()
        engine = json.loads((place / "engine.json").read_text())["pid"]
        tests.send_signal(signal.SIGKILL)
    eventually(lambda: not os.listdir(tmp_path / "tests"))
    eventually(lambda: not Path(f"/proc/{engine}").exists())


def test_an_engine_that_is_closed_at_once_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYTONA_LOCAL_STATE_DIR", str(tmp_path))
    for _ in range(3):
        Engine().close()
        assert os.listdir(tmp_path / "tests") == []


def test_a_recording_is_answered_again(daytona_engine: Engine, daytona_client: Daytona, tmp_path: Path) -> None:
    def life(client: Daytona) -> str:
        with client.create() as sandbox:
            return sandbox.process.exec("date +%N").result

    daytona_engine.start_recording()
    told = life(daytona_client)
    recording = daytona_engine.stop_recording()
    assert "date +%N" in daytona_engine.recording_page(recording)
    file = tmp_path / "life.jsonl"
    file.write_text(recording)
    with Engine(arguments=["--replay", str(file)]) as again, again.client() as client:
        assert life(client) == told
        again.reset()
        assert life(client) == told
        with pytest.raises(DaytonaError):
            client.get("nobody")


def test_an_engine_that_cannot_start_says_why() -> None:
    with pytest.raises(DaytonaError, match="isolation"):
        Engine(arguments=["--isolation", "magic"])
    with pytest.raises(DaytonaError, match="/nowhere"):
        Engine(binary="/nowhere")
