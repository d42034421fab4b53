"""Cancelled calls stop what they started."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from conftest import Marked, eventually
from daytona import AsyncDaytona, Sandbox

INTERRUPTED = """
import sys
from daytona import Daytona
sandbox = Daytona().get(sys.argv[1])
try:
    sandbox.process.exec(sys.argv[2])
except KeyboardInterrupt:
    print("interrupted")
"""


READING = """
import sys
from daytona import Daytona
sandbox = Daytona().get(sys.argv[1])
try:
    with sandbox.process.spawn(sys.argv[2]) as process:
        for line in process.stdout:
            pass
except KeyboardInterrupt:
    print("interrupted")
"""


def test_cancelling_a_task_stops_the_command(sandbox: Sandbox, marked: Marked) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            process = (await client.get(sandbox.id)).process
            task = asyncio.create_task(process.exec(marked.command))
            await asyncio.to_thread(marked.wait_until_begun)
            marked.assert_running()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    marked.assert_stopped()


def test_a_time_limit_of_asyncio_stops_the_command(sandbox: Sandbox, marked: Marked) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            process = (await client.get(sandbox.id)).process
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(process.exec(marked.command), 0.5)

    asyncio.run(main())
    marked.assert_stopped()


@pytest.mark.parametrize("program", [INTERRUPTED, READING], ids=["exec", "spawn"])
def test_ctrl_c_stops_the_command(sandbox: Sandbox, marked: Marked, program: str) -> None:
    arguments = [sys.executable, "-c", program, sandbox.id, marked.command]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        marked.wait_until_begun()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)
    assert (child.returncode, out, err) == (0, "interrupted\n", "")
    marked.assert_stopped()


def test_an_exception_of_a_signal_handler_stops_the_command(sandbox: Sandbox, marked: Marked) -> None:
    class Enough(Exception):
        pass

    def on_alarm(*_: object) -> None:
        raise Enough

    def alarm() -> None:
        marked.wait_until_begun()
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, on_alarm)
    watcher = threading.Thread(target=alarm)
    watcher.start()
    try:
        with pytest.raises(Enough):
            sandbox.process.exec(marked.command)
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    marked.assert_stopped()


def test_a_signal_handler_that_returns_does_not_disturb_the_call(sandbox: Sandbox, marked: Marked) -> None:
    seen = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.set())

    def send() -> None:
        eventually(lambda: marked.exists(marked.begun))
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.wait(120)
        sandbox.process.exec(f"touch {marked.late}")

    watcher = threading.Thread(target=send)
    watcher.start()
    try:
        command = f"touch {marked.begun}; while ! test -e {marked.late}; do sleep 0.05; done; echo done"
        assert sandbox.process.exec(command).result == "done\n"
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    assert seen.is_set()


def test_a_client_serves_several_event_loops(sandbox: Sandbox) -> None:
    client = AsyncDaytona()

    async def main() -> str:
        process = (await client.get(sandbox.id)).process
        results = await asyncio.gather(*(process.exec(f"echo {n}") for n in range(10)))
        return "".join(result.result for result in results)

    wanted = "".join(f"{n}\n" for n in range(10))
    assert [asyncio.run(main()) for _ in range(3)] == [wanted] * 3

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(asyncio.run(main()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [wanted] * 4


def test_ended_event_loops_keep_no_descriptors(sandbox: Sandbox) -> None:
    client = AsyncDaytona()

    async def main() -> None:
        await client.get(sandbox.id)

    asyncio.run(main())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) <= before + 4
