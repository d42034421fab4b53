"""A collector that takes OTLP over HTTP and decodes it with the official definitions."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver:
    """What came, decoded. With `silent` it takes requests and never answers."""

    def __init__(self, silent: bool = False) -> None:
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self._closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if silent:
                    receiver._closing.wait()
                    return
                receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        assert headers["content-type"] == "application/x-protobuf"
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers.append(headers)
        self.bodies.append(body)
        if path == "/v1/traces":
            self.traces.extend(ExportTraceServiceRequest.FromString(body).resource_spans)
        else:
            assert path == "/v1/metrics", path
            self.metrics.extend(ExportMetricsServiceRequest.FromString(body).resource_metrics)

    @property
    def spans(self) -> list[Any]:
        return [span for resource in self.traces for scope in resource.scope_spans for span in scope.spans]

    @property
    def histograms(self) -> dict[str, Any]:
        """The last state of each metric, by name."""
        scopes = [scope for resource in self.metrics for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def attributes(item: Any) -> dict[str, str | int]:
    """Attributes of a span, a point or a resource."""
    return {
        entry.key: entry.value.int_value if entry.value.HasField("int_value") else entry.value.string_value
        for entry in item.attributes
    }
