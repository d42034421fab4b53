"""Quickstart for asyncio: the tour that every language's package has.

DAYTONA_API_URL=local python quickstart_async.py [../data/sales.csv]
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from daytona import AsyncDaytona, AsyncSandbox, CreateSandboxFromSnapshotParams, PtySize, SessionExecuteRequest

ANALYSIS = """
import csv, sys
rows = list(csv.DictReader(open("sales.csv")))
for region in sorted({row["region"] for row in rows}):
    units = sum(int(row["units"]) for row in rows if row["region"] == region)
    print(f"{region}: {units} units", flush=True)
print(f"read {len(rows)} rows", file=sys.stderr, flush=True)
"""

CHART = """
import csv
import matplotlib.pyplot as plt
months = {}
for row in csv.DictReader(open("sales.csv")):
    months[row["month"]] = months.get(row["month"], 0) + float(row["revenue"])
print(f"{sum(months.values()):.2f}")
plt.plot(list(months), list(months.values()))
plt.title("Revenue by month")
plt.show()
"""


def report(label: str, started: float, detail: str) -> None:
    """Prints a step's label, the time it took and what it has to tell."""
    print(f"  {label:<20} {(time.perf_counter() - started) * 1000:6.0f} ms  {detail}", flush=True)


async def step(label: str, run: Awaitable[str]) -> None:
    """Runs a step and reports it."""
    started = time.perf_counter()
    report(label, started, await run)


def printer(name: str) -> Callable[[str], None]:
    """Prints the lines that are complete; a chunk may end anywhere."""
    pending = ""

    def handle(text: str) -> None:
        nonlocal pending
        *lines, pending = (pending + text).split("\n")
        for line in lines:
            print(f"    {name}  {line}", flush=True)

    return handle


async def upload_table(sandbox: AsyncSandbox, table: Path) -> str:
    await sandbox.fs.upload_file(table, "sales.csv")
    return f"sales.csv, {(await sandbox.fs.get_file_info('sales.csv')).size} bytes"


async def run_live(sandbox: AsyncSandbox) -> str:
    """Runs a program in the background and prints what it writes while it runs."""
    await sandbox.fs.upload_file(ANALYSIS.encode(), "analysis.py")
    process = sandbox.process
    await process.create_session("analysis")
    request = SessionExecuteRequest(command="python3 analysis.py", run_async=True)
    command = await process.execute_session_command("analysis", request)
    await process.get_session_command_logs_async("analysis", command.cmd_id, printer("stdout"), printer("stderr"))
    return f"exit code {(await process.get_session_command('analysis', command.cmd_id)).exit_code}"


async def draw_chart(sandbox: AsyncSandbox) -> str:
    """Runs a program whose chart comes back as a picture."""
    response = await sandbox.process.code_run(CHART)
    charts = response.artifacts.charts if response.artifacts else None
    if not charts or charts[0].png is None:
        raise RuntimeError(f"no chart, but: {response.result}")
    picture = base64.b64decode(charts[0].png)
    path = Path(tempfile.mkdtemp(prefix="quickstart-")) / "chart.png"
    path.write_bytes(picture)
    return f"revenue {response.result.strip()}, {len(picture)} bytes in {path}"


async def shell_session(sandbox: AsyncSandbox) -> str:
    """Shows that directory and variables last from command to command."""
    process = sandbox.process
    await process.create_session("shell")
    await process.execute_session_command("shell", SessionExecuteRequest("cd /tmp && GREETING=hello"))
    request = SessionExecuteRequest('echo "$GREETING from $PWD"', run_async=True)
    command = await process.execute_session_command("shell", request)
    logs = process.stream_session_command_logs("shell", command.cmd_id)
    text = "".join([chunk.text async for chunk in logs])
    await process.delete_session("shell")
    return text.strip()


async def terminal(sandbox: AsyncSandbox) -> str:
    """Drives a terminal: input, another size, the exit code."""
    async with await sandbox.process.create_pty_session("terminal", pty_size=PtySize(rows=24, cols=80)) as pty:
        await pty.resize(PtySize(rows=30, cols=100))
        await pty.send_input("echo size $(stty size); exit 7\n")
        output = b"".join([data async for data in pty])
        if b"size 30 100" not in output:
            raise RuntimeError(f"unexpected output: {output!r}")
        return f"size 30 100, exit code {pty.exit_code}"


async def download(sandbox: AsyncSandbox) -> str:
    return f"sales.csv, {len((await sandbox.fs.download_file('sales.csv')).splitlines())} lines"


async def delete(sandbox: AsyncSandbox) -> str:
    await sandbox.delete()
    return "deleted"


async def main() -> None:
    here = Path(__file__).resolve().parent
    table = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "data" / "sales.csv"
    async with AsyncDaytona() as daytona:
        started = time.perf_counter()
        sandbox = await daytona.create(CreateSandboxFromSnapshotParams(labels={"example": "quickstart"}))
        report("create sandbox", started, sandbox.id)
        try:
            await step("upload CSV", upload_table(sandbox, table))
            await step("run Python, live", run_live(sandbox))
            await step("draw chart", draw_chart(sandbox))
            await step("shell session", shell_session(sandbox))
            await step("terminal", terminal(sandbox))
            await step("download file", download(sandbox))
        finally:
            # Also after a failure or Ctrl-C.
            await step("delete sandbox", delete(sandbox))


if __name__ == "__main__":
    asyncio.run(main())
