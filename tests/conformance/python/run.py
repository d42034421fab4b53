"""Runs the conformance cases through the public API of the Python package.

    python run.py [sync|async] [part of a case's name]

Without a side it runs both. Prints one line a case and writes target/conformance/python-<side>.json. See ../README.md
for what a case is.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import daytona
from adapter import Adapter, settle
from compare import difference

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Cases of the asynchronous runner that are under way at the same time.
CONCURRENCY = 4
PAUSE = 0.1
# Cases and results of another server than the newest.
RUN_DIRECTORY = Path(os.environ["DAYTONA_CONFORMANCE"]) if "DAYTONA_CONFORMANCE" in os.environ else None
# Where requests are recorded; nothing when they are not.
RECORDER = os.environ.get("DAYTONA_CONFORMANCE_RECORDER")


class Failed(Exception):
    """A case did not do what it should."""


class Alarm(BaseException):
    """What the alarm raises in the middle of a synchronous call."""


def replace(value: Any, names: dict[str, Any]) -> Any:
    """A value with its references replaced."""
    if isinstance(value, str):
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        if whole and whole[1] in names:
            return names[whole[1]]
        return re.sub(r"\$\{(\w+)\}", lambda m: str(names[m[1]]) if m[1] in names else m[0], value)
    if isinstance(value, list):
        return [replace(item, names) for item in value]
    if isinstance(value, dict):
        return {replace(key, names): replace(item, names) for key, item in value.items()}
    return value


def at_path(value: Any, path: str) -> Any:
    """The value at a path such as `items.0.id`."""
    for part in path.split(".") if path else []:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def check_error(expected: dict[str, Any], error: daytona.DaytonaError) -> str | None:
    """What is not as expected, or `None`."""
    kind = expected.get("kind")
    if kind is not None:
        wanted = daytona.DaytonaError if kind == "Unknown" else getattr(daytona, f"Daytona{kind}Error")
        if not isinstance(error, wanted):
            return f"{type(error).__name__} is no {wanted.__name__}: {error}"
    given = {"status": error.status_code, "code": error.error_code, "message": error.message}
    return difference({key: value for key, value in expected.items() if key != "kind"}, given, "error")


def is_recorded(case: dict[str, Any]) -> bool:
    """Whether requests of the case are to be recorded."""
    return any("requests" in step for step in case["steps"])


class Runner:
    """Runs cases on one client."""

    def __init__(self, side: str, client: Any) -> None:
        self.side = side
        self.client = client
        self.schema = json.loads((ROOT / "schema/daytona.json").read_text())
        self.adapter = Adapter(client, self.schema)
        self.shared: Any = None
        self.results: list[dict[str, Any]] = []

    async def run(self, wanted: str) -> bool:
        """Runs all cases whose name contains the text."""
        cases = [
            (f"{path.stem}/{case['name']}", case)
            for path in sorted(((RUN_DIRECTORY or HERE.parent) / "cases").glob("*.json"))
            for case in json.loads(path.read_text())
            if RECORDER is None or is_recorded(case)
        ]
        self.shared = await settle(self.client.create())
        try:
            slots = asyncio.Semaphore(CONCURRENCY if self.side == "async" and RECORDER is None else 1)

            async def one(name: str, case: dict[str, Any]) -> None:
                async with slots:
                    await self.case(name, case)

            await asyncio.gather(*(one(name, case) for name, case in cases if wanted in name))
        finally:
            await settle(self.shared.delete())
        return all(result["ok"] for result in self.results)

    async def case(self, name: str, case: dict[str, Any]) -> None:
        """Runs one case and notes its result."""
        ops: set[str] = set()
        problem: str | None = None
        own: Any = None
        try:
            kind = case.get("sandbox", "shared")
            unique = "u" + uuid.uuid4().hex[:12]
            with tempfile.TemporaryDirectory() as tmp:
                names = {
                    "unique": unique,
                    "tmp": tmp,
                    "home": "/home/daytona",
                    "fixtures": str(HERE.parent / "fixtures"),
                }
                if kind == "own":
                    params = {"params": replace(case.get("create", {}), names)}
                    own = await self.adapter.op_sandbox_create(None, params, {})
                sandbox = {"shared": self.shared, "own": own, "none": None}[kind]
                if sandbox is not None:
                    names["sandbox"] = sandbox.id
                for number, step in enumerate(case["steps"], 1):
                    ops.add(step["op"])
                    problem = await self.step(sandbox, replace(step, names), names)
                    if problem is not None:
                        problem = f"step {number} ({step['op']}): {problem}"
                        break
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        finally:
            if own is not None:
                try:
                    await settle(own.delete())
                except daytona.DaytonaError:
                    pass  # The case has deleted it, or its state is the case's own affair.
        runner = f"python-{self.side}"
        print(f"ok {runner} {name}" if problem is None else f"FAILED {runner} {name}: {problem}", flush=True)
        self.results.append({"case": name, "ok": problem is None, "ops": sorted(ops), "error": problem})

    async def step(self, sandbox: Any, step: dict[str, Any], names: dict[str, Any]) -> str | None:
        """Runs one step, again while it may still meet its expectation."""
        end = time.monotonic() + step.get("retryFor", 0)
        while True:
            problem = await self.recorded_attempt(sandbox, step, names)
            if problem is None or time.monotonic() >= end:
                return problem
            await asyncio.sleep(PAUSE)

    async def recorded_attempt(self, sandbox: Any, step: dict[str, Any], names: dict[str, Any]) -> str | None:
        """Makes an attempt whose requests are compared, where there is a recorder."""
        if RECORDER is None or "requests" not in step:
            return await self.attempt(sandbox, step, names)
        self.tell_recorder(names, None)
        problem = await self.attempt(sandbox, step, names)
        return self.tell_recorder(names, step["requests"]) if problem is None else problem

    def tell_recorder(self, names: dict[str, Any], requests: Any) -> str | None:
        """Tells the recorder of a step and returns what differs."""
        told = {"runner": f"python-{self.side}", "known": names, "requests": requests}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(str(RECORDER), json.dumps(told).encode(), headers)
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode()
        return None

    async def attempt(self, sandbox: Any, step: dict[str, Any], names: dict[str, Any]) -> str | None:
        try:
            result = await self.limited(sandbox, step)
        except daytona.DaytonaError as error:
            if "error" in step:
                return check_error(step["error"], error)
            return f"{type(error).__name__}: {error}"
        except (Alarm, asyncio.TimeoutError):
            return None if step.get("cancelled") else "was cancelled"
        if "error" in step:
            return f"succeeded: {result!r}"
        if step.get("cancelled"):
            return f"was not cancelled: {result!r}"
        if "expect" in step:
            problem = difference(step["expect"], result)
            if problem is not None:
                return problem
        for name, path in step.get("save", {}).items():
            names[name] = at_path(result, path)
        return None

    async def limited(self, sandbox: Any, step: dict[str, Any]) -> Any:
        """Makes the call; cancels it when the step says so: by an exception of a signal handler, or as a task."""
        work = self.adapter.call(sandbox, step["op"], step)
        after = step.get("cancelAfter")
        if after is None:
            return await work
        if self.side == "async":
            return await asyncio.wait_for(work, after)

        def on_alarm(*_: Any) -> None:
            raise Alarm

        signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, after)
        try:
            return await work
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


async def main(side: str, wanted: str) -> bool:
    """Whether all cases are as they should be."""
    client: Any = daytona.Daytona() if side == "sync" else daytona.AsyncDaytona()
    runner = Runner(side, client)
    good = await runner.run(wanted)
    await settle(client.close())
    if not wanted:
        target = RUN_DIRECTORY or ROOT / "target/conformance"
        target.mkdir(parents=True, exist_ok=True)
        suffix = "" if RECORDER is None else "-requests"
        (target / f"python-{side}{suffix}.json").write_text(json.dumps(runner.results, indent=1))
    print(f"python-{side}: {sum(r['ok'] for r in runner.results)} of {len(runner.results)} cases")
    return good


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sides = [arguments.pop(0)] if arguments[:1] in (["sync"], ["async"]) else ["sync", "async"]
    outcomes = [asyncio.run(main(side, " ".join(arguments))) for side in sides]
    sys.exit(0 if all(outcomes) else 1)
