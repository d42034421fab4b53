"""Terminals."""

import asyncio

import pytest

from conftest import eventually
from daytona import AsyncDaytona, DaytonaConnectionError, DaytonaTimeoutError, PtySize, Sandbox


def test_a_terminal_iterates_over_its_output(sandbox: Sandbox, unique: str) -> None:
    with sandbox.process.create_pty_session(unique, pty_size=PtySize(rows=30, cols=100)) as pty:
        pty.wait_for_connection()
        assert pty.is_connected()
        assert pty.exit_code is None
        pty.send_input("stty size\n")
        output = bytearray()
        for data in pty:
            output += data
            if b"30 100" in output:
                break
        assert (pty.resize(120, 40).cols, pty.resize(PtySize(rows=41, cols=121)).rows) == (120, 41)
        pty.write(b"stty size; exit 5\n")
        assert b"41 121" in b"".join(pty)
        assert pty.exit_code == 5
        assert not pty.is_connected()
        with pytest.raises(DaytonaConnectionError):
            pty.wait_for_connection()


def test_a_terminal_waits_with_a_handler(sandbox: Sandbox, unique: str) -> None:
    pty = sandbox.process.create_pty_session(id=unique)
    pty.send_input("echo $((40 + 2)); exit\n")
    output = bytearray()
    assert pty.wait(output.extend).exit_code == 0
    assert b"42" in output


def test_output_reaches_a_handler_while_the_program_does_something_else(sandbox: Sandbox, unique: str) -> None:
    output = bytearray()
    pty = sandbox.process.create_pty_session(unique, on_data=output.extend)
    pty.send_input("echo $((40 + 2))\n")
    eventually(lambda: b"42" in output)
    pty.send_input("exit 3\n")
    assert pty.wait().exit_code == 3


def test_a_failing_handler_is_reported_by_wait(sandbox: Sandbox, unique: str) -> None:
    def fail(data: bytes) -> None:
        raise ValueError("handler")

    pty = sandbox.process.create_pty_session(unique, on_data=fail)
    with pytest.raises(ValueError, match="handler"):
        pty.wait()
    pty.kill()


def test_waiting_too_long_loses_nothing(sandbox: Sandbox, unique: str) -> None:
    pty = sandbox.process.create_pty_session(unique)
    with pytest.raises(DaytonaTimeoutError):
        pty.wait(timeout=0.2)
    assert pty.is_connected()
    pty.send_input("echo $((40 + 2)); exit\n")
    output = bytearray()
    pty.wait(output.extend)
    assert b"42" in output


def test_a_session_outlives_its_connection_until_it_is_killed(sandbox: Sandbox, unique: str) -> None:
    pty = sandbox.process.create_pty_session(unique, envs={"KEPT": "yes"})
    pty.disconnect()
    again = sandbox.process.connect_pty_session(unique)
    again.send_input('echo "<$KEPT>"\n')
    for data in again:
        if b"<yes>" in data:
            break
    again.kill()
    again.wait()
    assert unique not in [info.id for info in sandbox.process.list_pty_sessions()]


def test_the_asynchronous_terminal(sandbox: Sandbox, unique: str) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client:
            process = (await client.get(sandbox.id)).process
            output = bytearray()

            async def on_data(data: bytes) -> None:
                await asyncio.sleep(0)
                output.extend(data)

            pty = await process.create_pty_session(unique, on_data, cwd="/tmp")
            await pty.send_input("pwd; exit 2\n")
            assert (await pty.wait()).exit_code == 2
            assert b"/tmp" in output

            async with await process.create_pty_session(unique + "b") as pty:
                # A read that times out goes on: the next one gets the data.
                with pytest.raises(asyncio.TimeoutError):
                    while True:
                        await asyncio.wait_for(pty.__anext__(), 0.3)
                await pty.send_input("echo $((40 + 2)); exit\n")
                assert b"42" in b"".join([data async for data in pty])
                assert pty.exit_code == 0

    asyncio.run(main())
