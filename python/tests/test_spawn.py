"""Processes of their own."""

import asyncio
import gc
import io
import re
import signal

import pytest

from conftest import Marked, eventually
from daytona import (
    AsyncDaytona,
    AsyncOutputStream,
    AsyncSandbox,
    AsyncSpawnedProcess,
    Daytona,
    DaytonaClosedError,
    DaytonaCommandAlreadyCompletedError,
    DaytonaInvalidArgumentError,
    DaytonaProcessNotFoundError,
    DaytonaTimeoutError,
    OutputChannel,
    Sandbox,
    SpawnedProcess,
    debug_stats,
)

BOTH = "printf 'one\\r\\ntw\\303'; sleep 0.2; printf '\\274o\\n\\nlast'; echo no >&2; exit 3"


def test_an_output_is_lines_text_bytes_and_a_file(sandbox: Sandbox) -> None:
    with sandbox.process.spawn(BOTH) as process:
        assert "".join(process.stdout.iter_text()) == "one\r\ntwüo\n\nlast"
        assert process.wait() == process.exit_code == 3
        lines = ["one", "twüo", "", "last"]
        assert list(process.stdout) == list(process.stdout.iter_lines()) == lines
        assert b"".join(process.stdout.iter_bytes()) == process.stdout.read_bytes() == "one\r\ntwüo\n\nlast".encode()
        assert process.stderr.read_text() == "no\n"
        with process.stdout.open() as file:
            assert (file.readline(), file.read(3), file.peek(1)[:1]) == (b"one\r\n", b"tw\xc3", b"\xbc")
            assert file.readlines() == [b"\xbco\n", b"\n", b"last"]
        with io.TextIOWrapper(process.stdout.open(), encoding="utf-8") as text:
            assert [line.rstrip("\n") for line in text] == lines


def test_the_asynchronous_forms_are_the_same(sandbox: Sandbox) -> None:
    async def main(target: AsyncSandbox) -> None:
        async with await target.process.spawn(BOTH) as process:
            assert "".join([text async for text in process.stdout.iter_text()]) == "one\r\ntwüo\n\nlast"
            assert await process.wait() == 3
            assert [line async for line in process.stdout] == ["one", "twüo", "", "last"]
            assert await process.stderr.read_bytes() == b"no\n"
            async with process.stdout.open() as file:
                assert (await file.readline(), await file.read(3), await file.readline(2)) == (
                    b"one\r\n",
                    b"tw\xc3",
                    b"\xbco",
                )
                assert [line async for line in file] == [b"\n", b"\n", b"last"]
                assert await file.read() == b""
            heard: list[tuple[str, str]] = []

            async def stdout(text: str) -> None:
                await asyncio.sleep(0)
                heard.append(("stdout", text))

            code = await process.wait(120, on_stdout=stdout, on_stderr=lambda text: heard.append(("stderr", text)))
            assert code == 3
            assert "".join(text for channel, text in heard if channel == "stdout") == "one\r\ntwüo\n\nlast"
            assert ("stderr", "no\n") in heard

    run(sandbox, main)


def run(sandbox: Sandbox, work) -> None:
    """Runs a coroutine function on the sandbox's asynchronous twin."""

    async def main() -> None:
        async with AsyncDaytona() as client:
            await work(await client.get(sandbox.id))

    asyncio.run(main())


def test_both_outputs_come_in_order(sandbox: Sandbox) -> None:
    with sandbox.process.spawn("echo a; read -r _; echo b >&2; read -r _; echo c", stdin=True) as process:
        chunks: list[tuple[str, bytes]] = []
        for chunk in process.output():
            chunks.append((chunk.channel, chunk.data))
            if len(chunks) < 3:
                process.write("\n")
        assert chunks == [("stdout", b"a\n"), ("stderr", b"b\n"), ("stdout", b"c\n")]


def test_a_line_without_end_comes_in_pieces(sandbox: Sandbox) -> None:
    with sandbox.process.spawn("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end") as process:
        *pieces, end = process.stdout
        assert "".join(pieces) == "x" * 20_000_000
        assert end == "end"
        assert max(map(len, pieces)) < 18_000_000


def test_readers_are_apart_and_one_that_is_left_disturbs_nobody(sandbox: Sandbox, marked: Marked) -> None:
    with sandbox.process.spawn(f"seq 100000; {marked.sleep}") as process:
        first, second = process.stdout.iter_lines(), process.stdout.iter_lines()
        assert [next(first) for _ in range(50_000)][-1] == "50000"
        assert next(second) == "1"
        first.close()
        with pytest.raises(DaytonaClosedError):
            next(first)
        assert next(second) == "2"
        for line in process.stdout:
            assert line == "1"
            break
        marked.assert_running()
        del second, first, line
        gc.collect()
        eventually(lambda: debug_stats()[1] == 0)
    marked.assert_stopped()


def test_input_is_text_or_bytes_and_ends(sandbox: Sandbox) -> None:
    with sandbox.process.spawn("cat; echo done >&2", stdin=True) as process:
        process.write("ü\n")
        process.write(bytes(range(256)))
        process.close_stdin()
        assert process.wait(120) == 0
        assert process.stdout.read_bytes() == "ü\n".encode() + bytes(range(256))
        with pytest.raises(DaytonaCommandAlreadyCompletedError):
            process.write("late")
        process.close_stdin()
    with sandbox.process.spawn("sleep 1000") as deaf, pytest.raises(DaytonaInvalidArgumentError, match="stdin"):
        deaf.write("x")


def test_a_wait_that_times_out_loses_nothing(sandbox: Sandbox) -> None:
    with sandbox.process.spawn("echo early; sleep 1000") as process:
        assert process.wait_for_log("early", 120) == "early"
        with pytest.raises(DaytonaTimeoutError):
            process.wait(0.1)
        heard: list[str] = []
        while not heard:
            with pytest.raises(DaytonaTimeoutError):
                process.wait(0.3, on_stdout=heard.append)
        assert heard == ["early\n"]
        assert process.poll() is None
        assert process.stdout.read_text(follow=False) == "early\n"
        assert list(process.stdout.iter_lines(follow=False)) == ["early"]
        process.kill()
        assert process.wait(120) == process.poll() == 128 + signal.SIGKILL
        assert process.stdout.read_text() == "early\n"


def test_cancelling_a_wait_leaves_the_process(sandbox: Sandbox, marked: Marked) -> None:
    async def main(target: AsyncSandbox) -> None:
        process = await target.process.spawn(marked.command)
        await asyncio.to_thread(marked.wait_until_begun)
        for waiting in (process.wait(), process.wait(on_stdout=print), process.stdout.read_text()):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(waiting, 0.1)
        marked.assert_running()
        await process.release()

    run(sandbox, main)
    marked.assert_stopped()


def test_signals_have_every_form(sandbox: Sandbox) -> None:
    for number in (signal.SIGUSR1, int(signal.SIGUSR1), "SIGUSR1", "USR1"):
        with sandbox.process.spawn("trap 'exit 7' USR1; echo ready; while :; do sleep 0.02; done") as process:
            process.wait_for_log("ready")
            process.send_signal(number)
            assert process.wait(120) == 7
    with sandbox.process.spawn("exec sleep 1000") as process:
        process.terminate()
        assert process.wait(120) == 128 + signal.SIGTERM
        with pytest.raises(DaytonaInvalidArgumentError, match="bogus"):
            process.send_signal("bogus")


def test_a_process_is_attached_to_from_elsewhere_and_released_once(sandbox: Sandbox, unique: str) -> None:
    process = sandbox.process.spawn(f"echo {unique}; pwd; printenv SECRET; cat", "/tmp", {"SECRET": "x"}, stdin=True)
    assert (process.cwd, process.stdin, process.exit_code) == ("/tmp", True, None)
    with Daytona() as other:
        elsewhere = other.get(sandbox.id).process
        assert process in elsewhere.list_spawned()
        found = elsewhere.attach(process.id)
        assert isinstance(found, SpawnedProcess)
        assert found == elsewhere.get_spawned(process.id) == process
        assert (found.command, found.cwd, found.stdin) == (process.command, "/tmp", True)
        found.write("hello\n")
        found.close_stdin()
        assert found.wait(120) == 0
        assert list(process.stdout) == [unique, "/tmp", "x", "hello"]
        found.release()
    process.release()
    with pytest.raises(DaytonaProcessNotFoundError):
        sandbox.process.get_spawned(process.id)
    assert process not in sandbox.process.list_spawned()


def test_log_lines_and_ports_are_waited_for(sandbox: Sandbox) -> None:
    server = sandbox.process.spawn("sleep 0.2; echo no port >&2; python3 -um http.server --bind 127.0.0.1 3907")
    with server:
        sandbox.process.wait_for_port(3907, timeout=120)
        assert "port 3907" in server.wait_for_log(re.compile(r"PORT \d+ \(", re.IGNORECASE), 120)
        assert server.wait_for_log(r"^no\s", regex=True, channel="stderr") == "no port"
        assert server.wait_for_log("no port", channel=OutputChannel.STDERR) == "no port"
        command = sandbox.process
        assert "port 3907" in command.wait_for_log(server.session_id, server.command_id, "port 3907", timeout=120)
    with pytest.raises(DaytonaTimeoutError):
        sandbox.process.wait_for_port(3907, timeout=0.1)
    with sandbox.process.spawn("echo one") as process:
        with pytest.raises(DaytonaCommandAlreadyCompletedError, match="one"):
            process.wait_for_log("two")
        with pytest.raises(DaytonaInvalidArgumentError):
            process.wait_for_log("(", regex=True)
        with pytest.raises(DaytonaInvalidArgumentError, match="middle"):
            process.wait_for_log("x", channel="middle")


def test_a_read_begun_in_one_event_loop_is_taken_up_in_the_next(sandbox: Sandbox) -> None:
    """A program may use `asyncio.run` for every step: nothing is lost between them, and nothing hangs."""
    client = AsyncDaytona()

    async def begin() -> tuple[AsyncSpawnedProcess, AsyncOutputStream[str]]:
        target = await client.get(sandbox.id)
        process = await target.process.spawn("read line; echo $line; read line; echo $line", stdin=True)
        return process, process.stdout.iter_lines()

    async def read(stream: AsyncOutputStream[str], timeout: float | None = None) -> str | None:
        return await stream.read(timeout)

    async def answer(line: str) -> str | None:
        await process.write(f"{line}\n")
        return await lines.read(120)

    process, lines = asyncio.run(begin())
    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(read(lines, 0.1))
    assert asyncio.run(answer("one")) == "one"
    with pytest.raises(TimeoutError):
        asyncio.run(read(lines, 0.1))
    assert asyncio.run(answer("two")) == "two"
    assert asyncio.run(read(lines)) is None
    asyncio.run(process.release())
    asyncio.run(client.close())
