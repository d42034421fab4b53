"""Runs a command that works and one that fails, in a span of the program's own."""

import asyncio
import sys

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from daytona import AsyncDaytona, DaytonaConfig, DaytonaNotFoundError


async def main() -> None:
    state = TraceState([("vendor", "1")])
    parent = SpanContext(int(sys.argv[1], 16), int(sys.argv[2], 16), True, TraceFlags(1), state)
    async with AsyncDaytona(DaytonaConfig(_experimental={"otelEnabled": True})) as daytona:
        with trace.use_span(NonRecordingSpan(parent)):
            async with await daytona.create() as sandbox:
                await sandbox.process.exec("true")
                try:
                    await sandbox.fs.get_file_info("/not/there")
                except DaytonaNotFoundError:
                    pass
                print(sandbox.id)


asyncio.run(main())
