"""Programs that end with calls in flight end at once, with their own exit code and without a word.

200 exits: of each way to end, in processes of their own, several at a time.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from daytona import Sandbox

EXITS_EACH = 25
AT_ONCE = 4
# Seconds; a program that hangs is killed after this.
LIMIT = 120

THREADS = """
import sys, threading
from daytona import Daytona
daytona = Daytona()
sandbox = daytona.get(sys.argv[1])
begun = threading.Barrier(9)
def call():
    begun.wait()
    sandbox.process.exec("sleep 1000")
for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
begun.wait()
sandbox.process.exec("true")
"""

TASKS = """
import asyncio, sys
from daytona import AsyncDaytona
async def main():
    daytona = AsyncDaytona()
    sandbox = await daytona.get(sys.argv[1])
    tasks = [asyncio.ensure_future(sandbox.process.exec("sleep 1000")) for _ in range(8)]
    await sandbox.process.exec("true")
    END
asyncio.run(main())
"""

PROGRAMS = {
    "threads that wait": (THREADS, 0),
    "threads that return at this moment": (THREADS.replace("sleep 1000", "true"), 0),
    "threads in a loop of short calls": (
        THREADS.replace('    sandbox.process.exec("sleep 1000")', '    while True: sandbox.process.exec("true")'),
        0,
    ),
    "sys.exit beside threads": (THREADS + "sys.exit(7)", 7),
    "tasks in flight": (TASKS.replace("END", "return"), 0),
    "sys.exit among tasks": (TASKS.replace("END", "sys.exit(7)"), 7),
    "a loop that is stopped and never closed": (
        TASKS.replace("END", "asyncio.get_running_loop().stop(); await asyncio.sleep(1000)").replace(
            "asyncio.run(main())",
            "loop = asyncio.new_event_loop(); task = loop.create_task(main()); task._log_destroy_pending = False\n"
            "loop.run_forever()",
        ),
        0,
    ),
    "open streams and a handler on a thread": (
        """
import sys, uuid
from daytona import Daytona
sandbox = Daytona().get(sys.argv[1])
name = "exit" + uuid.uuid4().hex
sandbox.process.create_session(name)
request = {"command": "while :; do echo x; sleep 0.01; done", "async": True}
command = sandbox.process.execute_session_command(name, request)
stream = sandbox.process.stream_session_command_logs(name, command.cmd_id)
stream.read()
pty = sandbox.process.create_pty_session(name, on_data=lambda data: None)
pty.send_input("while :; do echo x; sleep 0.01; done\\n")
sandbox.process.delete_session(name)
""",
        0,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_with_calls_in_flight(sandbox: Sandbox, name: str) -> None:
    program, code = PROGRAMS[name]

    def run(_: int) -> tuple[int, str]:
        arguments = [sys.executable, "-c", program, sandbox.id]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout + done.stderr

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = set(pool.map(run, range(EXITS_EACH)))
    assert outcomes == {(code, "")}
