"""Telemetry: a span and a duration for every operation, sent to a collector.

DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python telemetry.py
"""

from __future__ import annotations

from daytona import Daytona, DaytonaConfig


# region: enable
def hello() -> str:
    # What waits is sent when the client is closed.
    with Daytona(DaytonaConfig(otel_enabled=True)) as daytona, daytona.create() as sandbox:
        return sandbox.process.exec("echo hello").result


# endregion


def main() -> None:
    print("--- enable", flush=True)
    print(hello(), end="")
    print("--- sent", flush=True)


if __name__ == "__main__":
    main()
