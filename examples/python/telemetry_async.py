"""Telemetry with asyncio: a span and a duration for every operation, sent to a collector.

DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python telemetry_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, DaytonaConfig


# region: enable
async def hello() -> str:
    # What waits is sent when the client is closed.
    async with AsyncDaytona(DaytonaConfig(otel_enabled=True)) as daytona, await daytona.create() as sandbox:
        return (await sandbox.process.exec("echo hello")).result


# endregion


async def main() -> None:
    print("--- enable", flush=True)
    print(await hello(), end="")
    print("--- sent", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
