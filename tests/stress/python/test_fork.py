"""Forked processes: the client works on in parent and child; what the parent had open is the parent's."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from daytona import DaytonaClosedError, Sandbox

LIMIT = 120


def in_child(work: Callable[[], None]) -> None:
    """Runs the work in a forked child; fails when it fails, crashes or hangs."""
    context = multiprocessing.get_context("fork")

    def main() -> None:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    child = context.Process(target=main)
    child.start()
    child.join(LIMIT)
    hung = child.is_alive()
    if hung:
        child.kill()
        child.join()
    assert not hung, "the child hung"
    assert child.exitcode == 0


def test_parent_and_child_use_the_same_client(sandbox: Sandbox) -> None:
    sandbox.process.exec("true")

    def child() -> None:
        for n in range(5):
            assert sandbox.process.exec(f"echo {n}").result == f"{n}\n"

    for n in range(5):
        in_child(child)
        assert sandbox.process.exec(f"echo {n}").result == f"{n}\n"


def test_a_fork_in_the_middle_of_calls_of_other_threads(sandbox: Sandbox) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def busy() -> None:
        try:
            while not stop.is_set():
                sandbox.process.exec("true")
        except BaseException as error:
            failures.append(error)

    def child() -> None:
        assert sandbox.process.exec("echo child").result == "child\n"

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_child(child)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures


def test_streams_of_the_parent_are_closed_to_the_child(sandbox: Sandbox) -> None:
    with sandbox.process.create_pty_session("forked") as pty:

        def child() -> None:
            try:
                pty.send_input("exit\n")
            except DaytonaClosedError:
                return
            raise AssertionError("the child wrote to the parent's terminal")

        in_child(child)
        pty.send_input("exit 4\n")
        assert pty.wait().exit_code == 4


def test_a_forked_child_runs_an_event_loop_of_its_own(sandbox: Sandbox) -> None:
    import asyncio

    from daytona import AsyncDaytona

    async def main() -> None:
        async with AsyncDaytona() as client:
            other = await client.get(sandbox.id)
            results = await asyncio.gather(*(other.process.exec(f"echo {n}") for n in range(5)))
            assert [result.result for result in results] == [f"{n}\n" for n in range(5)]

    asyncio.run(main())
    in_child(lambda: asyncio.run(main()))
    asyncio.run(main())


def test_a_child_that_was_forked_by_hand_exits_in_order(sandbox: Sandbox) -> None:
    sandbox.process.exec("true")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if sandbox.process.exec("echo x").result == "x\n" else 2
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


# Certificates are read once in a process, so this is a program of its own. Its first argument is a pipe with a name.
READING = """
import errno, os, socket, sys, threading, time
from daytona import Daytona, DaytonaConfig, DaytonaConnectionError

server = socket.create_server(("127.0.0.1", 0))

def refuse():
    while True:
        server.accept()[0].close()

def call():
    try:
        with Daytona(DaytonaConfig(api_key="k", api_url=f"https://127.0.0.1:{server.getsockname()[1]}/api")) as daytona:
            daytona.get("x")
    except DaytonaConnectionError:
        return
    raise AssertionError("there is no such server")

threading.Thread(target=refuse, daemon=True).start()
os.environ["SSL_CERT_FILE"] = sys.argv[1]
caller = threading.Thread(target=call)
caller.start()
while True:
    try:
        pipe = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
        break
    except OSError as error:
        # Nobody reads yet.
        assert error.errno == errno.ENXIO
        time.sleep(0.01)
child = os.fork()
if child == 0:
    code = 1
    try:
        os.environ["SSL_CERT_FILE"] = "/dev/null"
        call()
        code = 0
    finally:
        os._exit(code)
status = os.waitpid(child, 0)[1]
os.close(pipe)
caller.join()
sys.exit(status != 0)
"""


def test_a_fork_while_another_thread_reads_certificates(tmp_path: Path) -> None:
    pipe = tmp_path / "certificates"
    os.mkfifo(pipe)
    done = subprocess.run([sys.executable, "-c", READING, str(pipe)], capture_output=True, timeout=2 * LIMIT)
    assert done.returncode == 0, done.stderr.decode()


def test_a_forwarded_port_stays_with_the_parent_and_is_closed_for_the_child_too(sandbox: Sandbox) -> None:
    sandbox.process.spawn("exec python3 -um http.server --bind 127.0.0.1 8123")
    sandbox.process.wait_for_port(8123, timeout=LIMIT)
    forward = sandbox.forward_port(8123)
    address = ("127.0.0.1", forward.local_port)
    ready, done = multiprocessing.Pipe()

    def child() -> None:
        # Closing it here closes nothing there; and this copy of it keeps nothing open.
        forward.close()
        done.send(b"closed")
        done.recv()

    holder = threading.Thread(target=in_child, args=(child,))
    holder.start()
    ready.recv()
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 200")
    forward.close()
    with pytest.raises(OSError):
        socket.create_connection(address).close()
    ready.send(b"end")
    holder.join()
