"""Asks a running local engine for every endpoint of `tests/surface/endpoints.json`, and writes what it answers.

    python probe.py <endpoints file> <result file>

An endpoint is answered when the engine carries it out: it gives a result, or an error about the arguments, which here
are mostly missing. It is refused when the engine knows it and never carries it out, like the cloud does for containers,
and closed to keys when the cloud has it for people who have logged in.
Starts the engine at DAYTONA_LOCAL_STATE_DIR with DAYTONA_LOCAL_BINARY unless it runs.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

# Values of what is in braces. What does not exist is still looked for by an endpoint that does.
VALUES = {"port": "8080", "interval": "60", "ttlMinutes": "60", "isPublic": "false", "path": "index.html"}
# Ends or replaces the sandbox that the others need, in the order to call them.
LAST = ["pause", "start", "stop", "recover", "archive", "DELETE"]


class Engine:
    """The engine, and one sandbox in it."""

    def __init__(self) -> None:
        description = json.loads((Path(os.environ["DAYTONA_LOCAL_STATE_DIR"]) / "engine.json").read_text())
        url = urlsplit(description["apiUrl"])
        self.address = url.hostname, url.port
        self.prefix = url.path.rstrip("/")
        self.headers = {"Authorization": f"Bearer {description['apiKey']}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            text = None if method in ("GET", "DELETE") else json.dumps({} if body is None else body)
            connection.request(method, path, text, self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def control(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        return self.call(method, self.prefix + path, body)

    def new_sandbox(self) -> str:
        status, text = self.control("POST", "/sandbox", {"labels": {"purpose": "probe"}})
        assert status < 300, text
        return json.loads(text)["id"]

    def settle(self, sandbox: str) -> None:
        """Waits until a change of the sandbox's state is complete."""
        changing = ("starting", "stopping", "destroying")
        while (answer := self.control("GET", f"/sandbox/{sandbox}"))[0] == 200:
            if json.loads(answer[1])["state"] not in changing:
                return
            time.sleep(0.02)

    def delete(self, sandbox: str) -> None:
        self.settle(sandbox)
        self.control("DELETE", f"/sandbox/{sandbox}")


def start() -> None:
    program, directory = os.environ["DAYTONA_LOCAL_BINARY"], os.environ["DAYTONA_LOCAL_STATE_DIR"]
    options = ["local", "--state-dir", directory]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen([program, *options, "serve", "--or-existing", "--idle-timeout", "60"], **silent)
    deadline = time.monotonic() + 30
    while subprocess.run([program, *options, "status"], **silent).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit("the engine does not start")
        time.sleep(0.05)


def filled(path: str, sandbox: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return sandbox if name in ("sandboxId", "sandboxIdOrName") else VALUES.get(name, "none")

    return re.sub(r"\{(\w+)\}", value, path)


def verdict(status: int, text: str) -> str:
    if status == 404 and (text.startswith("404 page") or "404 page not found" in text or '"Cannot ' in text):
        return "unknown"
    if status in (501, 503):
        return "not implemented"
    if status in (401, 403):
        return "closed to keys"
    return "refused" if "is not supported for this sandbox" in text else "answered"


def order(endpoint: dict[str, str]) -> int:
    """Those that change the sandbox's state last."""
    last = endpoint["path"].split("/")[-1] if endpoint["path"].count("/") == 3 else ""
    if endpoint["method"] == "DELETE" and endpoint["path"] == "/sandbox/{sandboxIdOrName}":
        last = "DELETE"
    return LAST.index(last) if last in LAST else -1


def probe(engine: Engine, endpoints: dict[str, dict[str, list[dict[str, str]]]], made: set[str]) -> dict[str, str]:
    """What the engine answers, by endpoint. Sandboxes that this makes are added to `made`."""
    sandbox = engine.new_sandbox()
    made.add(sandbox)
    answers = {}
    for endpoint in (one for group in endpoints["toolbox"].values() for one in group):
        path = f"/toolbox/{sandbox}{filled(endpoint['path'], sandbox)}"
        answers[f"toolbox {endpoint['method']} {endpoint['path']}"] = verdict(*engine.call(endpoint["method"], path))
    for endpoint in sorted((one for group in endpoints["controlPlane"].values() for one in group), key=order):
        status, text = engine.control(endpoint["method"], filled(endpoint["path"], sandbox))
        answers[f"controlPlane {endpoint['method']} {endpoint['path']}"] = verdict(status, text)
        engine.settle(sandbox)
        creates = endpoint["path"] == "/sandbox" or endpoint["path"].endswith("/fork")
        if creates and endpoint["method"] == "POST" and status < 300:
            made.add(json.loads(text)["id"])
    return answers


def main() -> None:
    start()
    engine = Engine()
    made: set[str] = set()
    try:
        answers = probe(engine, json.loads(Path(sys.argv[1]).read_text()), made)
    finally:
        for sandbox in made:
            engine.delete(sandbox)
    result = Path(sys.argv[2])
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    counts = {
        word: list(answers.values()).count(word)
        for word in ("answered", "refused", "closed to keys", "not implemented", "unknown")
    }
    print("engine:", ", ".join(f"{count} {word}" for word, count in counts.items()))


if __name__ == "__main__":
    main()
