"""Ends of processes and forks: nothing is sent twice, and no collector keeps a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120
BEGIN = """
import os, sys
from daytona import Daytona, DaytonaConfig, DaytonaError
# Nobody answers there: an operation fails at once, and that is a span, too.
daytona = Daytona(DaytonaConfig(api_url="http://127.0.0.1:9", api_key="sesame", otel_enabled=True))
def call():
    try:
        daytona.get("x")
    except DaytonaError:
        pass
"""


def run(program: str, endpoint: str, **variables: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "python/src"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        **variables,
    }
    done = subprocess.run([sys.executable, "-c", BEGIN + program], env=environment, capture_output=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr.decode()


def test_a_program_that_closes_nothing_sends_at_its_exit(receiver: Receiver) -> None:
    run("call()", receiver.url)
    assert [span.name for span in receiver.spans] == ["Daytona.get"]
    assert list(receiver.histograms) == ["daytona_get_duration"]
    assert not any(b"sesame" in body for body in receiver.bodies)


def test_a_client_made_before_a_fork_sends_in_parent_and_child_what_is_theirs(receiver: Receiver) -> None:
    # The parent's first span waits when it forks; the child must not send it again.
    program = """
call()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        call()
        daytona.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
call()
"""
    run(program, receiver.url)
    spans = receiver.spans
    assert len(spans) == 5
    assert len({span.span_id for span in spans}) == 5


def test_an_application_loaded_before_its_workers_are_forked_sends_each_span_once(
    receiver: Receiver, tmp_path: Path
) -> None:
    application = """
call()
def application(environ, start_response):
    call()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""
    (tmp_path / "app.py").write_text(BEGIN + application)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        "2",
        "--bind",
        "127.0.0.1:0",
        "app:application",
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'python/src'}:{tmp_path}",
        "PYTHONUNBUFFERED": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
    }
    server = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        lines: list[str] = []
        for line in server.stderr:
            lines.append(line)
            if found := re.search(r"Listening at: (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(lines))
        workers = {urllib.request.urlopen(found[1], timeout=LIMIT).read() for _ in range(6)}
        assert str(server.pid).encode() not in workers
        server.terminate()
        rest = server.communicate(timeout=LIMIT)[1]
        assert server.returncode == 0, rest
    finally:
        server.kill()
        server.wait()
    spans = receiver.spans
    assert {span.name for span in spans} == {"Daytona.get"}
    assert len(spans) == len({span.span_id for span in spans}) == 7, rest


def test_a_forked_child_that_does_nothing_ends_at_once(receiver: Receiver) -> None:
    run("call()\npid = os.fork()\nif pid: assert os.waitpid(pid, 0)[1] == 0", receiver.url)
    assert len(receiver.spans) == 1


def test_a_collector_that_never_answers_or_is_not_there_keeps_no_process() -> None:
    silent = Receiver(silent=True)
    try:
        for endpoint in (silent.url, "http://127.0.0.1:9"):
            # Ends within the limit of the test, which is far more than that of the exit.
            run("call()", endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="600000")
    finally:
        silent.close()


def test_spans_go_out_while_the_program_runs(receiver: Receiver) -> None:
    program = """
import time
call()
sys.stdin = open(os.environ["GO_ON"])
sys.stdin.read()
os._exit(0)
"""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "python/src"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "10",
        "OTEL_METRIC_EXPORT_INTERVAL": "10",
        "GO_ON": f"/dev/fd/{reading}",
    }
    child = subprocess.Popen([sys.executable, "-c", BEGIN + program], env=environment, pass_fds=[reading])
    os.close(reading)
    try:
        end = time.monotonic() + LIMIT
        while not (receiver.spans and receiver.histograms):
            assert time.monotonic() < end, "nothing came"
            time.sleep(0.02)
    finally:
        os.close(writing)
        assert child.wait(LIMIT) == 0


def test_a_client_without_telemetry_sends_nothing(receiver: Receiver) -> None:
    run("daytona = Daytona(DaytonaConfig(api_url='http://127.0.0.1:9', api_key='k'))\ncall()", receiver.url)
    assert receiver.bodies == []


def test_signals_can_be_switched_off_apart(receiver: Receiver) -> None:
    run("call()", receiver.url, OTEL_TRACES_EXPORTER="none")
    assert receiver.spans == [] and receiver.histograms
