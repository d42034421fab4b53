"""The local engine shows what was traced in a sandbox: the spans of the SDK have their requests as children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 300
PROGRAM = """
from daytona import Daytona, DaytonaConfig
with Daytona(DaytonaConfig(otel_enabled=True)) as daytona:
    sandbox = daytona.create()
    sandbox.process.exec("true")
    sandbox.set_labels({"a": "b"})
    print(sandbox.id)
"""


def ask(path: str, method: str = "GET") -> Any:
    state = Path(os.environ["DAYTONA_LOCAL_STATE_DIR"])
    engine = json.loads((state / "engine.json").read_text())
    headers = {"authorization": f"Bearer {engine['apiKey']}"}
    request = urllib.request.Request(f"{engine['apiUrl']}{path}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=LIMIT) as answer:
        return json.loads(answer.read() or b"null")


def test_the_requests_of_an_operation_are_children_of_its_span(receiver: Receiver) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "python/src"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr.decode()
    sandbox = f"/sandbox/{done.stdout.decode().strip()}"
    try:
        sent = {span.name: span for span in receiver.spans}
        for name, request, path in [
            ("Process.exec", "POST /process/execute", "/process/execute"),
            ("Sandbox.set_labels", "PUT /api/sandbox/{id}/labels", "/api/sandbox/{id}/labels"),
        ]:
            span = sent[name]
            [child] = [
                child
                for child in ask(f"{sandbox}/telemetry/traces/{span.trace_id.hex()}")
                if child["parentSpanId"] == span.span_id.hex()
            ]
            assert (child["spanName"], child["statusCode"]) == (request, "Unset")
            assert child["spanAttributes"]["http.response.status_code"] == "200"
            assert child["spanAttributes"]["url.path"] == path
            assert child["durationNs"] > 0

        traces = ask(f"{sandbox}/telemetry/traces")
        assert (traces["page"], traces["totalPages"], traces["total"]) == (1, 1, len(traces["items"]))
        summaries = {trace["traceId"]: trace for trace in traces["items"]}
        of_run = summaries[sent["Process.exec"].trace_id.hex()]
        assert (of_run["rootSpanName"], of_run["spanCount"]) == ("POST /process/execute", 1)
        assert of_run["endTime"] >= of_run["startTime"]
        one = ask(f"{sandbox}/telemetry/traces?limit=1&page=2")
        assert (len(one["items"]), one["page"], one["totalPages"]) == (1, 2, traces["total"])
        assert ask(f"{sandbox}/telemetry/traces?to=2001-01-01T00:00:00Z")["items"] == []
        assert ask(f"{sandbox}/telemetry/traces/{'1' * 32}") == []
    finally:
        ask(sandbox, "DELETE")


def test_the_engines_log_names_the_trace_of_a_request(receiver: Receiver) -> None:
    command = [os.environ["DAYTONA_LOCAL_BINARY"], "local", "serve", "--testing", "--owner", str(os.getpid())]
    environment = {**os.environ, "DAYTONA_LOG": "info"}
    engine = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert engine.stdout is not None and engine.stderr is not None
        place = Path(engine.stdout.readline().rstrip("\n"))
        announced = json.loads((place / "engine.json").read_text())
        headers = {"authorization": f"Bearer {announced['apiKey']}", "content-type": "application/json"}
        fault = json.dumps([{"path": "/sandbox", "do": {"answer": {"status": 200, "body": "{}"}}}]).encode()
        rules = urllib.request.Request(f"{announced['apiUrl']}/testing/faults", fault, headers)
        urllib.request.urlopen(rules, timeout=LIMIT).close()
        trace = "0af7651916cd43dd8448eb211c80319c"
        traced = {**headers, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        request = urllib.request.Request(f"{announced['apiUrl']}/sandbox", headers=traced)
        urllib.request.urlopen(request, timeout=LIMIT).close()
    finally:
        engine.terminate()
        log = engine.communicate(timeout=LIMIT)[1]
    [line] = [line for line in log.splitlines() if "fails as asked" in line]
    assert trace in line


# Two changes that only a look at the list finds: the program has made one look of its own for each.
POLLING = """
from daytona import Daytona, DaytonaConfig
other = Daytona()
with Daytona(DaytonaConfig(otel_enabled=True, use_deprecated_polling=True)) as daytona:
    position = daytona.poll_events(timeout=0.001).position
    sandbox = other.create()
    for state in ("started", "stopped"):
        if state == "stopped":
            sandbox.stop()
        found = False
        while not found:
            page = daytona.poll_events(position)
            position = page.position
            found = any(event.sandbox_id == sandbox.id and event.state == state for event in page.events)
    sandbox.delete()
"""


def test_what_looks_for_changes_by_itself_has_no_spans(receiver: Receiver) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "python/src"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }
    done = subprocess.run([sys.executable, "-c", POLLING], env=environment, capture_output=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr.decode()
    assert {span.name for span in receiver.spans} == {"Daytona.poll_events"}
