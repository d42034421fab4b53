"""One program in every language: what it sends when it ends, and where its spans are in the trace of the program.

A proxy that the environment names hears of neither the local engine nor the receiver, which are on this machine.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from receiver import Receiver, attributes

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
LIMIT = 300


@dataclass
class Language:
    command: list[str]
    service: str
    scope: str
    # Names of the spans of creating, running, and looking for a file.
    spans: tuple[str, str, str]
    metrics: tuple[str, str, str]
    directory: Path = ROOT
    gzip: bool = False


LANGUAGES = {
    "python": Language(
        [sys.executable, str(PROGRAMS / "python.py")],
        "daytona-python-sdk",
        "daytona-sdk-python",
        ("Daytona.create", "Process.exec", "FileSystem.get_file_info"),
        ("daytona_create_duration", "process_exec_duration", "file_system_get_file_info_duration"),
    ),
    "python_async": Language(
        [sys.executable, str(PROGRAMS / "python_async.py")],
        "daytona-python-sdk",
        "daytona-sdk-python",
        ("AsyncDaytona.create", "AsyncProcess.exec", "AsyncFileSystem.get_file_info"),
        ("async_daytona_create_duration", "async_process_exec_duration", "async_file_system_get_file_info_duration"),
    ),
    "typescript": Language(
        ["node", str(PROGRAMS / "typescript.mjs")],
        "daytona-typescript-sdk",
        "",
        ("Daytona.create", "Process.executeCommand", "FileSystem.getFileDetails"),
        ("daytona_create_duration", "process_execute_command_duration", "file_system_get_file_details_duration"),
        gzip=True,
    ),
    "ruby": Language(
        ["ruby", f"-I{ROOT}/ruby/lib", str(PROGRAMS / "ruby.rb")],
        "daytona-ruby-sdk",
        "daytona-ruby-sdk",
        ("Daytona.create", "Process.exec", "FileSystem.get_file_info"),
        ("daytona_create_duration", "process_exec_duration", "file_system_get_file_info_duration"),
    ),
    "go": Language(
        ["go", "run", "."],
        "daytona-go-sdk",
        "daytona-go-sdk",
        ("Client.Create", "Process.ExecuteCommand", "FileSystem.GetFileInfo"),
        ("client_create_duration", "process_execute_command_duration", "file_system_get_file_info_duration"),
        directory=PROGRAMS / "go",
        gzip=True,
    ),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_program_sends_its_spans_and_durations(name: str, receiver: Receiver) -> None:
    language = LANGUAGES[name]
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    proxy = socket.create_server(("127.0.0.1", 0))
    proxy.setblocking(False)
    proxy_url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
    environment = {
        **{name: value for name, value in os.environ.items() if name.lower() != "no_proxy"},
        # Not HTTPS_PROXY: `go run` may need the machine's own to fetch what it builds.
        **{name: proxy_url for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")},
        "PYTHONPATH": str(ROOT / "python/src"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20sesame",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test,service.name=other",
        # Long enough that only the end sends.
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
    }
    done = subprocess.run(
        [*language.command, trace, span], cwd=language.directory, env=environment, capture_output=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr.decode()
    with proxy, pytest.raises(BlockingIOError):
        proxy.accept()

    resource = attributes(receiver.traces[0].resource)
    assert resource["service.name"] == language.service
    assert resource["service.version"] and resource["deployment.environment"] == "test"
    assert {scope.scope.name for trace in receiver.traces for scope in trace.scope_spans} == {language.scope}
    assert all(headers["authorization"] == "Bearer sesame" for headers in receiver.headers)
    assert all((headers.get("content-encoding") == "gzip") == language.gzip for headers in receiver.headers)

    spans = {item.name: item for item in receiver.spans}
    assert len(spans) == len(receiver.spans), "each operation was called once"
    for item in spans.values():
        # Creating is made of several requests and operations, and is one span all the same.
        assert (item.trace_id.hex(), item.parent_span_id.hex()) == (trace, span), item.name
        assert (item.kind, item.trace_state, item.flags) == (1, "vendor=1", 1)
        assert item.end_time_unix_nano >= item.start_time_unix_nano > 0
        named = attributes(item)
        assert f"{named['component']}.{named['method']}" == item.name
    create, run, look = (spans[name] for name in language.spans)
    assert create.status.code == run.status.code == 1
    assert look.status.code == 2 and look.status.message
    assert attributes(look)["http.response.status_code"] == 404
    assert [event.name for event in look.events] == ["exception"]
    assert "not/there" in str(attributes(look.events[0])["exception.message"])

    for metric, status in zip(language.metrics, ("success", "success", "error"), strict=True):
        histogram = receiver.histograms[metric]
        assert histogram.unit == "ms"
        [point] = histogram.histogram.data_points
        assert (point.count, attributes(point)["status"]) == (1, status)
        assert sum(point.bucket_counts) == 1 and len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert point.min == point.max == point.sum > 0
    assert not any(b"sesame" in body for body in receiver.bodies), "no secret is in an attribute"
