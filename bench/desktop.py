"""What agents wait for on the local engine: the desktop, its pictures, and the first answer of language servers.

python bench/desktop.py

The engine is the one of `DAYTONA_API_URL=local`, prepared with `daytona local setup --desktop`.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from daytona import (
    CreateSandboxFromSnapshotParams,
    Daytona,
    DesktopAction,
    LspCompletionPosition,
    Sandbox,
    ScreenshotOptions,
)

ROUNDS = 20

# A project's virtual environment with a server of its own, from the network.
BRING = "python3 -m venv --without-pip {project}/.venv && python3 -m pip install -q --prefix {project}/.venv {package}"

PYTHON = {"a.py": "class Basket:\n    def add(self, price: float) -> None: ...\n\n\nBasket().\n"}
TYPESCRIPT = {"a.ts": "class Basket {\n  add(price: number): void {}\n}\n\nnew Basket().\n", "tsconfig.json": "{}"}
# The snapshot's older TypeScript, as if the project had installed it.
OLDER = "mkdir {project}/node_modules && ln -s $NODE_PATH/typescript {project}/node_modules/typescript"


def emit(name: str, value: float, unit: str, *, target: float | None = None, bare: float | None = None) -> None:
    """Writes a row for `daytona-bench table`."""
    row = {"subject": "desktop", "name": name, "value": value, "unit": unit, "target": target, "bare": bare}
    print(json.dumps(row), flush=True)


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def median(work: Callable[[], object]) -> float:
    return statistics.median(milliseconds(work) for _ in range(ROUNDS))


def output(sandbox: Sandbox, command: str) -> str:
    """The output of a command that must succeed."""
    done = sandbox.process.exec(command)
    if done.exit_code != 0:
        raise RuntimeError(f"{command}: {done.result}")
    return done.result


def used_memory(sandbox: Sandbox) -> float:
    """MiB that the sandbox uses, as it sees itself."""
    lines = [line.split() for line in output(sandbox, "cat /proc/meminfo").splitlines()]
    sizes = {words[0]: int(words[1]) for words in lines}
    return (sizes["MemTotal:"] - sizes["MemAvailable:"]) / 1024


def in_sandbox(sandbox: Sandbox) -> float:
    """Milliseconds that a picture takes where it is made, as its answer tells: without the way to the client."""
    announced: dict[str, str] = json.loads(
        (Path(os.environ["DAYTONA_LOCAL_STATE_DIR"]) / "engine.json").read_text(encoding="utf-8")
    )
    engine = urllib.parse.urlsplit(announced["apiUrl"])
    connection = http.client.HTTPConnection(engine.hostname or "", engine.port)
    took: list[float] = []
    for _ in range(ROUNDS):
        headers = {"Authorization": f"Bearer {announced['apiKey']}"}
        connection.request("GET", f"/toolbox/{sandbox.id}/computeruse/screenshot", headers=headers)
        answer = connection.getresponse()
        answer.read()
        took.append(float((answer.getheader("Server-Timing") or "").partition("dur=")[2]))
    connection.close()
    return statistics.median(took)


def desktop(sandbox: Sandbox) -> None:
    before = used_memory(sandbox)
    computer = sandbox.computer_use

    def first() -> None:
        computer.start()
        computer.screenshot.take_full_screen()

    emit("start of the desktop to first picture", milliseconds(first), "ms", target=1500)
    emit("memory of a sandbox before it", before, "MiB")
    emit("memory of a sandbox with a desktop", used_memory(sandbox), "MiB")
    output(sandbox, "xterm -geometry 200x55+0+0 -e 'ls -l /usr/bin; sleep 1000' >/dev/null 2>&1 &")
    while not computer.display.get_windows().windows:
        time.sleep(0.1)
    computer.act([])
    # Each of them as a process in the sandbox: the same picture by another program.
    others: list[float] = []
    for program, command in {
        "scrot": "scrot -o /tmp/p.png",
        "ffmpeg": "ffmpeg -loglevel error -f x11grab -i $DISPLAY -frames:v 1 -y /tmp/p.png",
    }.items():
        if sandbox.process.exec(f"command -v {program}").exit_code != 0:
            print(f"{program} is not on this machine: not measured", file=sys.stderr)
            continue
        begun = time.perf_counter()
        output(sandbox, f"for i in $(seq {ROUNDS}); do {command}; done")
        others.append((time.perf_counter() - begun) * 1000 / ROUNDS)
        emit(f"picture of the screen by {program}", others[-1], "ms")
    bare = others[0] if others else None
    emit("picture of the screen, PNG", median(computer.screenshot.take_full_screen), "ms", target=5, bare=bare)
    emit("the same, in the sandbox: picture and PNG", in_sandbox(sandbox), "ms", bare=bare)
    jpeg = ScreenshotOptions(format="jpeg", quality=70)
    emit("picture of the screen, JPEG", median(lambda: computer.screenshot.take_compressed(jpeg)), "ms")
    emit(
        "move, click and the pointer's place: 2 requests",
        median(lambda: (computer.mouse.click(9, 9), computer.mouse.get_position())),
        "ms",
    )
    actions = [DesktopAction(action="click", x=9, y=9), DesktopAction(action="press", key="shift")]
    emit("act: 2 inputs, rest of 20 ms, picture", median(lambda: computer.act(actions, quiet_ms=20)), "ms")


def first_completion(
    sandbox: Sandbox, server: str, language: str, files: dict[str, str], prepare: str, target: float | None
) -> None:
    """From a server that does not run to its first answer."""
    project = f"/tmp/{server}"
    for name, text in files.items():
        sandbox.fs.upload_file(text.encode(), f"{project}/{name}")
    if prepare:
        done = sandbox.process.exec(prepare.format(project=project, package=server), timeout=300)
        if done.exit_code != 0:
            print(f"{server} cannot be installed: not measured\n{done.result[-500:]}", file=sys.stderr)
            return
    name = next(iter(files))
    line = len(files[name].splitlines()) - 1
    position = LspCompletionPosition(line=line, character=len(files[name].splitlines()[line]))

    lsp = sandbox.create_lsp_server(language, project)

    def first() -> None:
        lsp.start()
        items = lsp.completions(f"{project}/{name}", position).items
        if not any(item.label.startswith("add") for item in items):
            raise RuntimeError(f"{server}: {[item.label for item in items][:5]}")

    emit(f"first completion: {server}", milliseconds(first), "ms", target=target)
    # The next one has the sandbox for itself.
    lsp.stop()


def main() -> None:
    with Daytona() as daytona:
        with daytona.create(CreateSandboxFromSnapshotParams(snapshot="daytona-desktop")) as sandbox:
            desktop(sandbox)
        with daytona.create() as sandbox:
            first_completion(sandbox, "ty", "python", PYTHON, "", 1000)
            first_completion(sandbox, "TypeScript 7", "typescript", TYPESCRIPT, "", 500)
            first_completion(sandbox, "typescript-language-server", "typescript", TYPESCRIPT, OLDER, None)
            first_completion(sandbox, "basedpyright", "python", PYTHON, BRING, 1000)
            first_completion(sandbox, "python-lsp-server", "python", PYTHON, BRING, 1000)


if __name__ == "__main__":
    main()
