"""Benchmarks of the Python package against `daytona-bench serve`, beside http.client and curl.

python bench/python.py server.json

Every measurement is the best of several runs: on a busy machine the others measure its neighbours.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from daytona import AsyncDaytona, AsyncSandbox, Daytona, DaytonaConfig, Sandbox

SERVER = json.loads(Path(sys.argv[1]).read_text())["http"]
CONFIG = DaytonaConfig(api_key="bench", api_url=SERVER)
EXECUTE = "/toolbox/x/process/execute"
CALLS = 2000
BURST = 2000
LOG_BYTES = 256 << 20
FILE_BYTES = 512 << 20

FIRST_RESULT = f"""
from daytona import Daytona, DaytonaConfig
with Daytona(DaytonaConfig(api_key="bench", api_url={SERVER!r})) as daytona:
    daytona.create().process.exec("echo hello")
"""
FIRST_RESULT_BARE = f"""
import http.client, json
from urllib.parse import urlsplit
connection = http.client.HTTPConnection(urlsplit({SERVER!r}).netloc)
for path, body in (("/sandbox", {{}}), ({EXECUTE!r}, {{"command": "echo hello"}})):
    connection.request("POST", path, json.dumps(body), {{"Content-Type": "application/json"}})
    json.load(connection.getresponse())
"""


def emit(
    name: str,
    value: float,
    unit: str,
    *,
    target: float | None = None,
    bare: float | None = None,
    subject: str = "python",
) -> None:
    """Writes a row for `daytona-bench table`."""
    row = {"subject": subject, "name": name, "value": value, "unit": unit, "target": target, "bare": bare}
    print(json.dumps(row), flush=True)


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def cpu_micros(run: Callable[[], object]) -> float:
    """Processor time of a call of `run`, which makes `CALLS` calls, per call."""
    started = time.process_time()
    run()
    return (time.process_time() - started) / CALLS * 1e6


def best(measure: Callable[[], float], rounds: int = 5) -> float:
    return min(measure() for _ in range(rounds))


def program(code: str) -> tuple[float, float]:
    """Milliseconds and peak MB that a Python program takes."""
    # The first run writes the bytecode, as installing does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    peak = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"

    def run() -> tuple[float, float]:
        started = time.perf_counter()
        command = [sys.executable, "-c", f"{code}\n{peak}"]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
        return (time.perf_counter() - started) * 1e3, int(output) * 1024 / 1e6

    runs = [run() for _ in range(12)]
    return min(ms for ms, _ in runs), min(mb for _, mb in runs)


def start() -> None:
    nothing, imported = program("pass"), program("from daytona import Daytona")
    emit("from daytona import Daytona: time above bare Python", imported[0] - nothing[0], "ms", target=25)
    emit("from daytona import Daytona: memory above bare Python", imported[1] - nothing[1], "MB", target=20)
    emit("program to first exec result", program(FIRST_RESULT)[0], "ms", target=80, bare=program(FIRST_RESULT_BARE)[0])


def sequential(sandbox: Sandbox) -> None:
    def calls() -> None:
        for _ in range(CALLS):
            sandbox.process.exec("echo hello")

    connection = http.client.HTTPConnection(urlsplit(SERVER).netloc)
    body = json.dumps({"command": "echo hello"})

    def bare() -> None:
        for _ in range(CALLS):
            connection.request("POST", EXECUTE, body, {"Content-Type": "application/json"})
            json.load(connection.getresponse())

    cpu = best(lambda: cpu_micros(calls))
    emit("exec, one after the other: CPU", cpu, "us", bare=best(lambda: cpu_micros(bare)))


def logs(sandbox: Sandbox) -> None:
    def read() -> None:
        size = sum(len(chunk.data) for chunk in sandbox.process.stream_session_command_logs("s", str(LOG_BYTES)))
        assert size == LOG_BYTES // 1024 * 1021

    def bare() -> None:
        connection = http.client.HTTPConnection(urlsplit(SERVER).netloc)
        connection.request("GET", f"/zeros/{LOG_BYTES}")
        response = connection.getresponse()
        while response.read(256 * 1024):
            pass

    read()
    before = resident()
    read()
    growth = resident() - before

    def speed(run: Callable[[], object]) -> float:
        return LOG_BYTES / 1e6 / best(lambda: seconds(run), 3)

    emit("log stream in frames of 1 KiB", speed(read), "MB/s", target=700, bare=speed(bare))
    emit("log stream: memory a second one adds", growth, "MB", target=8)


def transfers(sandbox: Sandbox, directory: Path) -> None:
    up, down = directory / "up", directory / "down"

    def speed(run: Callable[[], object]) -> float:
        def fresh() -> float:
            # Freeing the old file is no part of writing the new one.
            down.unlink(missing_ok=True)
            return seconds(run)

        return FILE_BYTES / 1e6 / best(fresh, 3)

    def curl(*arguments: str) -> None:
        subprocess.run(["curl", "-sSf", "--noproxy", "*", *arguments], check=True, stdout=subprocess.DEVNULL)

    up.touch()
    os.truncate(up, FILE_BYTES)
    bare = speed(lambda: curl("-F", f"files[0].file=@{up}", f"{SERVER}/sink"))
    mine = speed(lambda: sandbox.fs.upload_file(str(up), "/up"))
    emit("upload by path (bare: curl)", mine, "MB/s", target=0.9 * bare, bare=bare)
    up.unlink()

    zeros = f"/zeros/{FILE_BYTES}"
    bare = speed(lambda: curl("-o", str(down), SERVER + zeros))
    mine = speed(lambda: sandbox.fs.download_file(zeros, str(down)))
    emit("download by path (bare: curl)", mine, "MB/s", target=0.9 * bare, bare=bare)


def download_into_memory(sandbox: Sandbox) -> None:
    path = f"/zeros/{FILE_BYTES}"
    address = urlsplit(SERVER).netloc

    def bare() -> None:
        connection = http.client.HTTPConnection(address)
        connection.request("GET", path)
        assert len(connection.getresponse().read()) == FILE_BYTES

    def mine() -> None:
        assert len(sandbox.fs.download_file(path)) == FILE_BYTES

    def speed(run: Callable[[], object]) -> float:
        return FILE_BYTES / 1e6 / best(lambda: seconds(run), 3)

    emit("download into memory", speed(mine), "MB/s", target=1500, bare=speed(bare))
    before = resident()
    # From here on the peak is counted anew.
    Path("/proc/self/clear_refs").write_text("5")
    mine()
    emit("download into memory: peak, times the data", (peak() - before) * 1e6 / FILE_BYTES, "x", target=1.1)


def peak() -> float:
    """Peak of this process' resident memory in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def burst_of_threads() -> None:
    def many(call: Callable[[], object]) -> float:
        threads = [threading.Thread(target=call) for _ in range(BURST)]

        def run() -> None:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return seconds(run)

    def mine() -> float:
        # A new client: no connection stands.
        with Daytona(CONFIG) as daytona:
            sandbox = daytona.create()
            return many(lambda: sandbox.process.exec("sleep 0.1"))

    def bare_call() -> None:
        connection = http.client.HTTPConnection(urlsplit(SERVER).netloc)
        body = json.dumps({"command": "sleep 0.1"})
        connection.request("POST", EXECUTE, body, {"Content-Type": "application/json"})
        json.load(connection.getresponse())
        connection.close()

    value, value_bare = best(mine, 3), best(lambda: many(bare_call), 3)
    emit("2,000 concurrent execs of 100 ms, in threads", value, "s", target=0.35, bare=value_bare)


def resident() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class BareClient:
    """The least HTTP over asyncio streams: one kept connection, bodies with a length."""

    @classmethod
    async def open(cls) -> BareClient:
        client = cls()
        address = urlsplit(SERVER)
        client.reader, client.writer = await asyncio.open_connection(address.hostname, address.port)
        return client

    async def exec(self, command: str) -> object:
        body = json.dumps({"command": command}).encode()
        head = f"POST {EXECUTE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.split("content-length:")[1].split("\r\n")[0])
        return json.loads(await self.reader.readexactly(length))


async def best_async(measure: Callable[[], Awaitable[float]], rounds: int) -> float:
    return min([await measure() for _ in range(rounds)])


async def sequential_async(sandbox: AsyncSandbox) -> None:
    async def cpu(call: Callable[[str], Awaitable[object]]) -> float:
        started = time.process_time()
        for _ in range(CALLS):
            await call("echo hello")
        return (time.process_time() - started) / CALLS * 1e6

    client = await BareClient.open()
    bare = await best_async(lambda: cpu(client.exec), 5)
    mine = await best_async(lambda: cpu(sandbox.process.exec), 5)
    emit("exec, one after the other: CPU", mine, "us", bare=bare, subject="python asyncio")
    client.writer.close()


async def burst() -> None:
    async def mine() -> float:
        # A new client: no connection stands.
        async with AsyncDaytona(CONFIG) as daytona:
            sandbox = await daytona.create()
            started = time.perf_counter()
            await asyncio.gather(*(sandbox.process.exec("sleep 0.1") for _ in range(BURST)))
            return time.perf_counter() - started

    async def bare() -> float:
        async def call() -> None:
            client = await BareClient.open()
            await client.exec("sleep 0.1")
            client.writer.close()

        started = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(BURST)))
        return time.perf_counter() - started

    value, value_bare = await best_async(mine, 3), await best_async(bare, 3)
    emit("2,000 concurrent execs of 100 ms", value, "s", target=0.35, bare=value_bare, subject="python asyncio")


async def logs_async(sandbox: AsyncSandbox) -> None:
    async def read() -> float:
        started = time.perf_counter()
        size = 0
        async for chunk in sandbox.process.stream_session_command_logs("s", str(LOG_BYTES)):
            size += len(chunk.data)
        assert size == LOG_BYTES // 1024 * 1021
        return time.perf_counter() - started

    speed = LOG_BYTES / 1e6 / await best_async(read, 3)
    emit("log stream in frames of 1 KiB", speed, "MB/s", target=700, subject="python asyncio")


async def run_async() -> None:
    async with AsyncDaytona(CONFIG) as daytona:
        sandbox = await daytona.create()
        await sequential_async(sandbox)
        await logs_async(sandbox)
    await burst()


def main() -> None:
    start()
    with Daytona(CONFIG) as daytona, tempfile.TemporaryDirectory() as directory:
        sandbox = daytona.create()
        sequential(sandbox)
        logs(sandbox)
        transfers(sandbox, Path(directory))
        download_into_memory(sandbox)
    burst_of_threads()
    asyncio.run(run_async())


if __name__ == "__main__":
    main()
