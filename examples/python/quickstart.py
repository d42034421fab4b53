"""Quickstart: the tour that every language's package has.

DAYTONA_API_URL=local python quickstart.py [../data/sales.csv]
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from daytona import CreateSandboxFromSnapshotParams, Daytona, PtySize, Sandbox, SessionExecuteRequest

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


def step(label: str, run: Callable[[], str]) -> None:
    """Runs a step and reports it."""
    started = time.perf_counter()
    report(label, started, run())


def printer(name: str) -> Callable[[str], None]:
    """Prints the lines that are complete; a chunk may end anywhere."""
    pending = ""

    def handle(text: str) -> None:
        nonlocal pending
        *lines, pending = (pending + text).split("\n")
        for line in lines:
            print(f"    {name}  {line}", flush=True)

    return handle


def upload_table(sandbox: Sandbox, table: Path) -> str:
    sandbox.fs.upload_file(table, "sales.csv")
    return f"sales.csv, {sandbox.fs.get_file_info('sales.csv').size} bytes"


def run_live(sandbox: Sandbox) -> str:
    """Runs a program in the background and prints what it writes while it runs."""
    sandbox.fs.upload_file(ANALYSIS.encode(), "analysis.py")
    process = sandbox.process
    process.create_session("analysis")
    request = SessionExecuteRequest(command="python3 analysis.py", run_async=True)
    command = process.execute_session_command("analysis", request)
    process.get_session_command_logs_stream("analysis", command.cmd_id, printer("stdout"), printer("stderr"))
    return f"exit code {process.get_session_command('analysis', command.cmd_id).exit_code}"


def draw_chart(sandbox: Sandbox) -> str:
    """Runs a program whose chart comes back as a picture."""
    response = sandbox.process.code_run(CHART)
    charts = response.artifacts.charts if response.artifacts else None
    if not charts or charts[0].png is None:
        raise RuntimeError(f"no chart, but: {response.result}")
    picture = base64.b64decode(charts[0].png)
    path = Path(tempfile.mkdtemp(prefix="quickstart-")) / "chart.png"
    path.write_bytes(picture)
    return f"revenue {response.result.strip()}, {len(picture)} bytes in {path}"


def shell_session(sandbox: Sandbox) -> str:
    """Shows that directory and variables last from command to command."""
    process = sandbox.process
    process.create_session("shell")
    process.execute_session_command("shell", SessionExecuteRequest("cd /tmp && GREETING=hello"))
    request = SessionExecuteRequest('echo "$GREETING from $PWD"', run_async=True)
    command = process.execute_session_command("shell", request)
    text = "".join(chunk.text for chunk in process.stream_session_command_logs("shell", command.cmd_id))
    process.delete_session("shell")
    return text.strip()


def terminal(sandbox: Sandbox) -> str:
    """Drives a terminal: input, another size, the exit code."""
    with sandbox.process.create_pty_session("terminal", pty_size=PtySize(rows=24, cols=80)) as pty:
        pty.resize(PtySize(rows=30, cols=100))
        pty.send_input("echo size $(stty size); exit 7\n")
        output = b"".join(pty)
        if b"size 30 100" not in output:
            raise RuntimeError(f"unexpected output: {output!r}")
        return f"size 30 100, exit code {pty.exit_code}"


def download(sandbox: Sandbox) -> str:
    return f"sales.csv, {len(sandbox.fs.download_file('sales.csv').splitlines())} lines"


def delete(sandbox: Sandbox) -> str:
    sandbox.delete()
    return "deleted"


def main() -> None:
    here = Path(__file__).resolve().parent
    table = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "data" / "sales.csv"
    with Daytona() as daytona:
        started = time.perf_counter()
        sandbox = daytona.create(CreateSandboxFromSnapshotParams(labels={"example": "quickstart"}))
        report("create sandbox", started, sandbox.id)
        try:
            step("upload CSV", lambda: upload_table(sandbox, table))
            step("run Python, live", lambda: run_live(sandbox))
            step("draw chart", lambda: draw_chart(sandbox))
            step("shell session", lambda: shell_session(sandbox))
            step("terminal", lambda: terminal(sandbox))
            step("download file", lambda: download(sandbox))
        finally:
            # Also after a failure or Ctrl-C.
            step("delete sandbox", lambda: delete(sandbox))


if __name__ == "__main__":
    main()
