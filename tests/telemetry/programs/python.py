"""Runs a command that works and one that fails, in a span of the program's own."""

import sys

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from daytona import Daytona, DaytonaConfig, DaytonaNotFoundError

parent = SpanContext(int(sys.argv[1], 16), int(sys.argv[2], 16), True, TraceFlags(1), TraceState([("vendor", "1")]))
with (
    Daytona(DaytonaConfig(otel_enabled=True)) as daytona,
    trace.use_span(NonRecordingSpan(parent)),
    daytona.create() as sandbox,
):
    sandbox.process.exec("true")
    try:
        sandbox.fs.get_file_info("/not/there")
    except DaytonaNotFoundError:
        pass
    print(sandbox.id)
