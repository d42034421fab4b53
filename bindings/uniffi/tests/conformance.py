#!/usr/bin/env python3
"""Runs the conformance cases (tests/conformance/README.md) through the Python that uniffi generates.

Needs `cargo build -p daytona-uniffi -p daytona-uniffi-bindgen` (or the same with `--release` and `PROFILE=release`), and the
environment every client needs: DAYTONA_API_URL=local, DAYTONA_LOCAL_STATE_DIR, DAYTONA_LOCAL_BINARY.
Arguments: texts that the `file/name` of a case must contain, one of them.
"""

import asyncio
import atexit
import base64
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TARGET = ROOT / "target"
FIXTURES = ROOT / "tests/conformance/fixtures"
RUNNER = "uniffi"
JOBS = 6
CASE_LIMIT = 300
RETRY_PAUSE = 0.1
# Cases and results of another server than the newest.
RUN_DIRECTORY = Path(os.environ["DAYTONA_CONFORMANCE"]) if "DAYTONA_CONFORMANCE" in os.environ else None
# Where requests are recorded; nothing when they are not.
RECORDER = os.environ.get("DAYTONA_CONFORMANCE_RECORDER")

SCHEMA = json.loads((ROOT / "schema/daytona.json").read_text())
STRUCTS = {s["name"]: s for s in SCHEMA["structs"]}
ENUMS = {e["name"]: e for e in SCHEMA["enums"]}
# Methods that are not named as in the core (schema/deviations.toml).
NAMES = {op: entry["name"] for op, entry in SCHEMA["deviations"]["uniffi"]["operations"].items() if "name" in entry}
OPS = {op["id"]: (service, op) for service in SCHEMA["services"] for op in service["ops"]}


def load_library():
    """Generates the Python side of the library and imports it."""
    profile = TARGET / os.environ.get("PROFILE", "debug")
    library = profile / "libdaytona_uniffi.so"
    # A directory of its own: another run may have the library of a common one loaded.
    out = Path(tempfile.mkdtemp(prefix="daytona-uniffi-"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    command = [profile / "uniffi-bindgen", "generate", library, "--language", "python", "--no-format", "--out-dir", out]
    subprocess.run(command, check=True, cwd=ROOT / "bindings/uniffi", stdout=subprocess.DEVNULL)
    shutil.copy(library, out)
    sys.path.insert(0, str(out))
    return importlib.import_module("daytona")


sdk = load_library()


class CaseError(Exception):
    """A step did not do what it should."""


# Between the schema's JSON and the library's values.


def screaming(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def to_value(ty, json_value):
    """The library's value for JSON of a type of the schema."""
    kind = ty["kind"]
    if json_value is None:
        return None
    if kind == "struct":
        return to_record(STRUCTS[ty["name"]], json_value)
    if kind == "enum":
        enum = getattr(sdk, ty["name"])
        known = [v for v in ENUMS[ty["name"]]["values"] if v["wire"] == json_value]
        return getattr(enum, screaming(known[0]["name"]))() if known else enum.OTHER(json_value)
    if kind == "list":
        return [to_value(ty["of"], item) for item in json_value]
    if kind == "map":
        return {key: to_value(ty["of"], item) for key, item in json_value.items()}
    if kind == "bytes":
        return read_bytes(json_value)
    if kind == "float":
        return float(json_value)
    return json_value


def to_record(struct, json_value):
    fields = {f["wire"]: f for f in struct["fields"]}
    unknown = set(json_value) - set(fields)
    if unknown:
        raise CaseError(f"{struct['name']} has no {unknown}")
    values = {fields[wire]["name"]: to_value(fields[wire]["type"], value) for wire, value in json_value.items()}
    return getattr(sdk, struct["name"])(**values)


def to_json(ty, value):
    """The JSON of a value of the library; bytes stay bytes."""
    kind = ty["kind"]
    if value is None:
        return None
    if kind == "struct":
        fields = STRUCTS[ty["name"]]["fields"]
        return {f["wire"]: to_json(f["type"], getattr(value, f["name"])) for f in fields}
    if kind == "enum":
        name = type(value).__name__.rpartition(".")[2]
        known = [v["wire"] for v in ENUMS[ty["name"]]["values"] if screaming(v["name"]) == name]
        return known[0] if known else value[0]
    if kind == "list":
        return [to_json(ty["of"], item) for item in value]
    if kind == "map":
        return {key: to_json(ty["of"], item) for key, item in value.items()}
    if kind == "json":
        return json.loads(value)
    return value


def read_bytes(value):
    if "$text" in value:
        return value["$text"].encode()
    return base64.b64decode(value["$base64"])


# Calls.


# Where an object is called otherwise than its service.
ACCESSORS = {
    "fs": "file_system",
    "lsp": "lsp_servers",
    "sandbox": "sandboxes",
    "snapshot": "snapshots",
    "volume": "volumes",
    "secret": "secrets",
}


async def call(client, sandbox, step):
    """Makes the call of a step and returns its result as JSON."""
    service, op = OPS[step["op"]]
    args = dict(step.get("args", {}))
    options = args.pop("options", None)
    accessor = ACCESSORS.get(service["id"], service["id"])
    target = getattr(client, accessor)
    target = target(sandbox) if service["toolbox"] else target()
    values = {p["name"]: to_value(p["type"], args.pop(p["wire"], None)) for p in op["params"]}
    if args:
        raise CaseError(f"{step['op']} has no {set(args)}")
    if options is not None:
        values["options"] = to_record(STRUCTS[op["options"]], options)
    result = await getattr(target, NAMES.get(op["id"], op["name"]))(**values)
    if op["returns"]["kind"] != "stream":
        return to_json(op["returns"], result)
    return await STREAMS[op["returns"]["name"]](result, step)


async def read_logs(stream, step):
    outputs = {sdk.LogChannel.STDOUT: b"", sdk.LogChannel.STDERR: b""}
    if step.get("detach"):
        return stream.close()
    while chunk := await stream.next():
        outputs[chunk.channel] += chunk.data
    if step.get("read") == "again" and await stream.next() is not None:
        raise CaseError("there is output after the end")
    stdout, stderr = (data.decode(errors="replace") for data in outputs.values())
    if step.get("read") == "lines":
        # Programs take text apart themselves.
        return {"lines": [line.removesuffix("\n").removesuffix("\r") for line in re.findall(r"[^\n]*\n|[^\n]+", stdout + stderr)]}
    return {"stdout": stdout, "stderr": stderr}


async def read_run(stream, step):
    result = {"stdout": "", "stderr": ""}
    if step.get("detach"):
        return stream.close()
    while event := await stream.next():
        if isinstance(event, sdk.InterpreterEvent.FAILED):
            result["error"] = to_json({"kind": "struct", "name": "ExecutionError"}, event.error)
        else:
            result["stdout" if isinstance(event, sdk.InterpreterEvent.STDOUT) else "stderr"] += event.text
    return result


async def drive(terminal, step):
    for text in step.get("input", []):
        await terminal.write(text.encode())
    if step.get("detach"):
        return await terminal.disconnect()
    if step.get("read") == "closed":
        await terminal.disconnect()
        return await terminal.write(b"late")
    output = b""
    while (piece := await terminal.read()) is not None:
        output += piece
    if step.get("read") == "again" and await terminal.read() is not None:
        raise CaseError("there is output after the end")
    if step.get("read") == "ended":
        return await terminal.write(b"late")
    result = await terminal.result()
    return {"output": output.decode(errors="replace"), "exitCode": result.exit_code, "error": result.error}


async def read_file(reader, step):
    if step.get("detach"):
        return reader.close()
    content = b""
    while (piece := await reader.read()) is not None:
        content += piece
    return {"content": content, "size": reader.size()}


async def write_file(writer, step):
    if step.get("detach"):
        return writer.close()
    for piece in step.get("pieces", []):
        await writer.write(read_bytes(piece))
    return await writer.finish()


async def transfer(directory, step):
    if step.get("detach"):
        return directory.close()
    while await directory.next():
        pass
    return to_json({"kind": "struct", "name": "DirectoryResult"}, await directory.result())


def build(name, struct):
    async def read_build(stream, step):
        if step.get("detach"):
            return stream.close()
        lines = []
        while line := await stream.next():
            lines.append(line.text)
        return {"lines": lines, name: to_json({"kind": "struct", "name": struct}, await stream.result())}

    return read_build


async def exchange(forward, step):
    try:
        if step.get("detach"):
            return None
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port())
        writer.write("".join(step.get("input", [])).encode())
        writer.write_eof()
        output = await reader.read()
        writer.close()
        return {"localPort": forward.local_port(), "httpOnly": forward.http_only(), "output": output.decode()}
    finally:
        forward.close()


STREAMS = {
    "DirectoryTransfer": transfer,
    "LogStream": read_logs,
    "InterpreterStream": read_run,
    "Terminal": drive,
    "FileReader": read_file,
    "FileWriter": write_file,
    "PortForward": exchange,
    "SandboxBuild": build("sandbox", "SandboxInfo"),
    "SnapshotBuild": build("snapshot", "Snapshot"),
}


# References and matchers.


def replace(value, known):
    if isinstance(value, list):
        return [replace(item, known) for item in value]
    if isinstance(value, dict):
        return {replace(key, known): replace(item, known) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(r"\$\{([^}]+)\}", value):
        return known[whole[1]]
    return re.sub(r"\$\{([^}]+)\}", lambda m: str(known[m[1]]), value)


def at(value, path):
    for key in filter(None, path.split(".")):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "list", dict: "object", type(None): "null"}


def matches(expected, actual):
    """Whether a result is as expected; missing values are None."""
    if isinstance(expected, dict) and len(expected) == 1 and next(iter(expected)).startswith("$"):
        (name, wanted), = expected.items()
        if name in ("$text", "$base64"):
            return actual == read_bytes(expected)
        if name == "$absent":
            return actual is None
        if name == "$type":
            return TYPES.get(type(actual)) == wanted
        if name == "$contains":
            return isinstance(actual, str) and wanted in actual
        if name == "$regex":
            return isinstance(actual, str) and re.search(wanted, actual) is not None
        if name == "$length":
            return isinstance(actual, list) and len(actual) == wanted
        if name == "$some":
            return isinstance(actual, list) and any(matches(wanted, item) for item in actual)
        raise CaseError(f"there is no matcher {name}")
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(matches(value, actual.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(matches, expected, actual))
    return type(expected) is type(actual) and expected == actual or (
        TYPES.get(type(expected)) == TYPES.get(type(actual)) == "number" and expected == actual
    )


def check_error(error, expected):
    details = error.details
    kinds = [details.kind, *details.ancestors]
    case = getattr(sdk.DaytonaError, details.kind)
    ok = (
        isinstance(error, case)
        and expected["kind"] in kinds
        and expected.get("status") in (None, details.status)
        and expected.get("code") in (None, details.code)
        and ("message" not in expected or matches(expected["message"], details.message))
    )
    if not ok:
        raise CaseError(f"the error is {details}, expected {expected}")


# Cases.


async def attempt(client, sandbox, step, known):
    step = {**step, **{key: replace(step[key], known) for key in step if key not in ("op", "save", "requests")}}
    running = asyncio.ensure_future(call(client, sandbox, step))
    if "cancelAfter" in step:
        await asyncio.wait([running], timeout=step["cancelAfter"])
        running.cancel()
        await asyncio.wait([running])
        if running.cancelled() != step.get("cancelled", False):
            raise CaseError(f"cancelled: {running.cancelled()}")
        return
    try:
        result = await running
    except sdk.DaytonaError as error:
        if "error" not in step:
            raise CaseError(f"{error.details.kind}: {error.details.message}") from None
        return check_error(error, step["error"])
    if "error" in step:
        raise CaseError(f"no error {step['error']}, but {result}")
    if "expect" in step and not matches(step["expect"], result):
        raise CaseError(f"the result is {str(result)[:600]}, expected {step['expect']}")
    for name, path in step.get("save", {}).items():
        known[name] = at(result, path)


async def recorded_attempt(client, sandbox, step, known):
    """An attempt whose requests are compared, where there is a recorder."""
    if RECORDER is None or "requests" not in step:
        return await attempt(client, sandbox, step, known)
    tell_recorder(known, None)
    await attempt(client, sandbox, step, known)
    tell_recorder(known, step["requests"])


def tell_recorder(known, requests):
    """Tells the recorder of a step; what it refuses differs."""
    told = json.dumps({"runner": RUNNER, "known": known, "requests": requests}).encode()
    try:
        urllib.request.urlopen(urllib.request.Request(RECORDER, told, {"Content-Type": "application/json"})).close()
    except urllib.error.HTTPError as refusal:
        raise CaseError(refusal.read().decode()) from None


async def run_step(client, sandbox, step, known):
    loop = asyncio.get_running_loop()
    give_up = loop.time() + step.get("retryFor", 0)
    while True:
        try:
            return await recorded_attempt(client, sandbox, step, known)
        except CaseError:
            if loop.time() >= give_up:
                raise
            await asyncio.sleep(RETRY_PAUSE)


async def run_case(client, shared, case):
    with tempfile.TemporaryDirectory() as local:
        known = {"unique": uuid.uuid4().hex[:12], "tmp": local, "home": "/home/daytona", "fixtures": str(FIXTURES)}
        place = case.get("sandbox", "shared")
        own = None
        if place == "own" or "create" in case:
            params = to_record(STRUCTS["CreateSandboxParams"], replace(case.get("create", {}), known))
            own = await client.sandboxes().create(params)
        sandbox = own or (shared if place == "shared" else None)
        if sandbox:
            known["sandbox"] = sandbox.id
        try:
            for index, step in enumerate(case["steps"]):
                try:
                    await run_step(client, sandbox, step, known)
                except Exception as error:
                    raise CaseError(f"step {index + 1} ({step['op']}): {error}") from error
        finally:
            if own:
                await delete(client, own.id)


async def delete(client, sandbox_id):
    try:
        await client.sandboxes().delete(sandbox_id)
    except sdk.DaytonaError.NotFound:
        pass


async def main(filters):
    cases = []
    for file in sorted(((RUN_DIRECTORY or ROOT / "tests/conformance") / "cases").glob("*.json")):
        cases += [{**case, "id": f"{file.stem}/{case['name']}"} for case in json.loads(file.read_text())]
    cases = [case for case in cases if not filters or any(text in case["id"] for text in filters)]
    if RECORDER is not None:
        cases = [case for case in cases if any("requests" in step for step in case["steps"])]
    client = sdk.Daytona()
    shared = await client.sandboxes().create(sdk.CreateSandboxParams())
    free = asyncio.Semaphore(JOBS if RECORDER is None else 1)

    async def report(case):
        async with free:
            error = None
            try:
                await asyncio.wait_for(run_case(client, shared, case), CASE_LIMIT)
            except Exception as failure:
                error = str(failure) or repr(failure)
        print(f"ok {RUNNER} {case['id']}" if error is None else f"FAILED {RUNNER} {case['id']}: {error}", flush=True)
        ops = sorted({step["op"] for step in case["steps"]})
        return {"case": case["id"], "ok": error is None, "ops": ops, "error": error}

    results = await asyncio.gather(*map(report, cases))
    await delete(client, shared.id)
    failed = sum(not result["ok"] for result in results)
    print(f"{RUNNER}: {len(results) - failed} of {len(results)} cases hold")
    if not filters:
        directory = RUN_DIRECTORY or TARGET / "conformance"
        file = directory / f"{RUNNER}{'' if RECORDER is None else '-requests'}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(results, indent=1))
    return failed == 0


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(sys.argv[1:])) else 1)
