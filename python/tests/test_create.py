"""A `create` that is given up leaves no sandbox behind."""

import asyncio
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from conftest import eventually
from daytona import AsyncDaytona, Daytona, DaytonaTimeoutError
from daytona._async.runtime import LoopPump

CREATING = """
import signal, sys
from daytona import Daytona
signal.signal(signal.SIGINT, signal.default_int_handler)
daytona = Daytona()
print("ready", flush=True)
while True:
    print(daytona.create(labels={"made-by": sys.argv[1]}).id, flush=True)
"""

LEAVING = """
import asyncio, os, sys
from daytona import AsyncDaytona
async def main():
    creating = [asyncio.ensure_future(daytona.create(labels={"made-by": sys.argv[1]})) for _ in range(4)]
    await asyncio.sleep(float(sys.argv[2]))
    for made in creating:
        if made.done():
            print(made.result().id)
    sys.exit(7)
daytona = AsyncDaytona()
asyncio.run(main())
"""


def made_by(daytona: Daytona, label: str) -> list[Any]:
    return [sandbox for sandbox in daytona.list({"made-by": label}) if sandbox.state not in ("destroying", "destroyed")]


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_an_interrupted_program_leaves_no_sandbox(daytona: Daytona, unique: str, moment: float) -> None:
    program = subprocess.Popen([sys.executable, "-c", CREATING, unique], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout and program.stdout.readline() == b"ready\n"
    time.sleep(moment)
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=120)
    assert program.returncode == -signal.SIGINT, errors
    # What it got is its own; the deletion of the rest was answered before it ended.
    got = output.decode().split()
    left = made_by(daytona, unique)
    assert [sandbox.id for sandbox in left if sandbox.id not in got] == [], errors.decode()
    for sandbox in left:
        sandbox.delete()


@pytest.mark.parametrize("moment", ["0", "0.05", "0.2"])
def test_a_program_that_ends_with_creates_in_flight_leaves_no_sandbox(
    daytona: Daytona, unique: str, moment: str
) -> None:
    program = subprocess.run([sys.executable, "-c", LEAVING, unique, moment], capture_output=True, timeout=120)
    assert program.returncode == 7, program.stderr
    # What was there before the program ended is its own.
    got = program.stdout.decode().split()
    left = made_by(daytona, unique)
    assert [sandbox.id for sandbox in left if sandbox.id not in got] == []
    for sandbox in left:
        sandbox.delete()


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_cancelled_task_leaves_no_sandbox(daytona: Daytona, unique: str, moment: float) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            tasks = [asyncio.ensure_future(client.create(labels={"made-by": unique})) for _ in range(4)]
            await asyncio.sleep(moment)
            for task in tasks:
                task.cancel()
            for made in await asyncio.gather(*tasks, return_exceptions=True):
                if not isinstance(made, BaseException):
                    await made.delete()

    asyncio.run(main())
    eventually(lambda: not made_by(daytona, unique))


def test_a_task_cancelled_with_the_outcome_on_its_way_leaves_no_sandbox(
    daytona: Daytona, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain = LoopPump._drain
    creating: list[asyncio.Task[Any]] = []

    def drain_and_cancel(pump: LoopPump) -> None:
        drain(pump)
        # The task has not run since its outcome came.
        for task in creating:
            task.cancel()

    monkeypatch.setattr(LoopPump, "_drain", drain_and_cancel)

    async def main() -> None:
        async with AsyncDaytona() as client:
            creating.append(asyncio.ensure_future(client.create(labels={"made-by": unique})))
            with pytest.raises(asyncio.CancelledError):
                await creating[0]

    asyncio.run(main())
    creating.clear()
    eventually(lambda: not made_by(daytona, unique))


def test_a_create_that_times_out_deletes_the_sandbox_unless_it_is_to_be_kept(daytona: Daytona, unique: str) -> None:
    with pytest.raises(DaytonaTimeoutError):
        daytona.create(labels={"made-by": unique}, timeout=0.001)
    assert made_by(daytona, unique) == []
    sandbox = daytona.create(labels={"made-by": unique}, keep=True)
    sandbox.delete()
