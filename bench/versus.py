"""This package and Daytona's released SDK side by side: the table of the README, which it writes.

    make dist && python bench/versus.py

`--print` only prints it.

Installs both, each into an environment of its own below target/versus, and runs the same programs with both, in turns:
the import names are the same. Both talk to one local engine. The best of several figures counts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "target/versus"
ROUNDS = 5
# Where the README has the table.
TABLE = re.compile(r"<!-- versus -->\n.*?<!-- end -->", re.DOTALL)
PYTHON, TYPESCRIPT = "daytona==0.226.1", "@daytonaio/sdk@0.218.0"

# Prints a JSON object. What is measured needs no more of the interface than both have.
PROBE = r"""
import asyncio, hashlib, json, resource, sys, time
from daytona import AsyncDaytona, Daytona, SessionExecuteRequest

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

LINE = "0123456789 äöü 東京 🚀 " * 8
COUNT = 100_000
PROGRAM = f"import sys\nfor _ in range({COUNT // 1000}): sys.stdout.write({LINE + chr(10)!r} * 1000)"
WHOLE = hashlib.sha256((LINE + "\n").encode() * COUNT).hexdigest()

def one_after_the_other(sandbox, calls=300):
    sandbox.process.exec("true")
    before = cpu()
    for _ in range(calls):
        sandbox.process.exec("true")
    return (cpu() - before) / calls * 1e6

async def log(name):
    async with AsyncDaytona() as daytona:
        sandbox = await daytona.get(name)
        process = sandbox.process
        await sandbox.fs.upload_file(PROGRAM.encode(), "print.py")
        await process.create_session("log")
        request = SessionExecuteRequest(command="python3 print.py", run_async=True)
        command = await process.execute_session_command("log", request)
        while (await process.get_session_command("log", command.cmd_id)).exit_code is None:
            await asyncio.sleep(0.05)
        seen, size = hashlib.sha256(), 0
        def take(text):
            nonlocal size
            data = text.encode()
            seen.update(data)
            size += len(data)
        begun = time.perf_counter()
        await process.get_session_command_logs_async("log", command.cmd_id, take, take)
        return size / (time.perf_counter() - begun) / 1e6, seen.hexdigest() == WHOLE

daytona = Daytona()
sandbox = daytona.create()
try:
    found = {"cpu": one_after_the_other(sandbox)}
    found["log"], found["whole"] = asyncio.run(log(sandbox.id))
finally:
    sandbox.delete()
print(json.dumps(found))
"""


def run(*command: str | Path, **more: str) -> str:
    """What a command prints; its failure is ours."""
    done = subprocess.run(command, env=os.environ | more, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))[:200]}")
    return done.stdout


def megabytes(place: Path) -> float:
    """The size of all files below a directory."""
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 1e6


def milliseconds(command: list[str | Path]) -> float:
    """The shortest run of a command."""
    script = (
        "import subprocess, sys, time\nbest = 9e9\n"
        "for _ in range(10):\n    begun = time.perf_counter(); subprocess.run(sys.argv[1:], check=True)\n"
        "    best = min(best, time.perf_counter() - begun)\nprint(best * 1000)"
    )
    return float(run(sys.executable, "-c", script, *command))


def one(pattern: str) -> Path:
    """The one file of `make dist` that is meant."""
    found = sorted((ROOT / "dist").glob(pattern))
    if not found:
        raise SystemExit(f"dist has no {pattern}: run make dist")
    return found[-1]


def installed(place: Path) -> int:
    """How many Python packages an environment has."""
    return len(json.loads(run(place / "bin/pip", "list", "--format", "json", "--disable-pip-version-check")))


def python(name: str, package: str | Path) -> dict[str, float]:
    """Installs a Python package, and how much it is."""
    place = PLACE / f"python-{name}"
    if not (place / "done").exists():
        run(sys.executable, "-m", "venv", "--clear", place)
        before, known = megabytes(place), installed(place)
        run(place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", str(package))
        packages = installed(place) - known
        (place / "done").write_text(json.dumps({"size": megabytes(place) - before, "packages": packages}))
    figures = json.loads((place / "done").read_text())
    interpreter = place / "bin/python"
    empty = milliseconds([interpreter, "-c", "pass"])
    figures["start"] = milliseconds([interpreter, "-c", "from daytona import Daytona"]) - empty
    return figures


def typescript(name: str, package: str | Path) -> dict[str, float]:
    """Installs an npm package, and how much it is."""
    place = PLACE / f"node-{name}"
    if not (place / "done").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text('{"private": true}')
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, str(package))
        packages = sum(
            1
            for _ in (place / "node_modules").rglob("package.json")
            if _.parent.parent.name in ("node_modules",) or _.parent.parent.name.startswith("@")
        )
        (place / "done").write_text(json.dumps({"size": megabytes(place / "node_modules"), "packages": packages}))
    figures = json.loads((place / "done").read_text())
    load = "require(require.resolve('@daytonaio/sdk', { paths: [process.argv[1]] }))"
    empty = milliseconds(["node", "-e", "0", str(place)])
    figures["start"] = milliseconds(["node", "-e", load, str(place)]) - empty
    return figures


def probe(names: dict[str, Path], **environment: str) -> dict[str, dict[str, float]]:
    """The best figures of each, measured in turns."""
    best: dict[str, dict[str, float]] = {}
    choose: dict[str, Callable[..., float]] = {"log": max}
    for _ in range(ROUNDS):
        for name, interpreter in names.items():
            found = json.loads(run(interpreter, "-c", PROBE, **environment))
            known = best.setdefault(name, found)
            best[name] = {figure: choose.get(figure, min)(value, known[figure]) for figure, value in found.items()}
    return best


def engine() -> dict[str, str]:
    """Starts an engine, or finds it, and says how released SDKs reach it."""
    state = PLACE / "engine"
    program = os.environ.get("DAYTONA_LOCAL_BINARY", str(ROOT / "target/release/daytona"))
    subprocess.Popen(
        [program, "local", "--state-dir", state, "serve", "--or-existing", "--idle-timeout", "300"],
        stdout=subprocess.DEVNULL,
    )
    while (
        subprocess.run([program, "local", "--state-dir", state, "status"], capture_output=True, check=False).returncode
        != 0
    ):
        pass
    known = json.loads((state / "engine.json").read_text())
    return {"DAYTONA_API_URL": known["apiUrl"], "DAYTONA_API_KEY": known["apiKey"]}


def main() -> None:
    """Measures, and puts the table where the README has it."""
    PLACE.mkdir(parents=True, exist_ok=True)
    theirs, ours = python("released", PYTHON), python("ours", one("daytona-*.whl"))
    node_theirs, node_ours = typescript("released", TYPESCRIPT), typescript("ours", one("daytonaio-sdk-*.tgz"))
    found = probe({name: PLACE / f"python-{name}/bin/python" for name in ("released", "ours")}, **engine())
    released, own = found["released"], found["ours"]
    state = {True: "whole", False: "damaged"}
    rows = [
        ("`from daytona import Daytona`", f"{theirs['start']:.0f} ms", f"{ours['start']:.0f} ms"),
        ("`require('@daytonaio/sdk')`", f"{node_theirs['start']:.0f} ms", f"{node_ours['start']:.0f} ms"),
        ("packages that come along, Python", f"{theirs['packages'] - 1:.0f}", f"{ours['packages'] - 1:.0f}"),
        (
            "packages that come along, TypeScript",
            f"{node_theirs['packages'] - 1:.0f}",
            f"{node_ours['packages'] - 1:.0f}",
        ),
        ("installed, Python", f"{theirs['size']:.0f} MB", f"{ours['size']:.0f} MB"),
        ("installed, TypeScript", f"{node_theirs['size']:.0f} MB", f"{node_ours['size']:.0f} MB"),
        ("processor time of one `exec`, Python", f"{released['cpu']:.0f} µs", f"{own['cpu']:.0f} µs"),
        (
            "a log of 24 MB, asyncio",
            f"{released['log']:.0f} MB/s, {state[bool(released['whole'])]}",
            f"{own['log']:.0f} MB/s, {state[bool(own['whole'])]}",
        ),
    ]
    head = [f"| | {PYTHON}, {TYPESCRIPT} | this |", "|---|---|---|"]
    table = "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])
    print(table)
    if "--print" not in sys.argv:
        readme = ROOT / "README.md"
        text = readme.read_text(encoding="utf-8")
        readme.write_text(TABLE.sub(lambda _: f"<!-- versus -->\n{table}\n<!-- end -->", text), encoding="utf-8")


if __name__ == "__main__":
    main()
