"""One sandbox for all stress tests, on the engine the environment selects (`DAYTONA_API_URL=local`)."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from daytona import Daytona, Sandbox, debug_stats

# Seconds the library may take to take apart what was cancelled.
LIMIT = 120


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Daytona() as daytona, daytona.create() as sandbox:
        yield sandbox


def settled() -> tuple[int, int]:
    """Live calls and streams, once they are gone or the time is over."""
    end = time.monotonic() + LIMIT
    while True:
        gc.collect()
        calls, streams, _ = debug_stats()
        if (calls, streams) == (0, 0) or time.monotonic() > end:
            return calls, streams
        time.sleep(0.02)
