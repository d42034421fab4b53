"""One sandbox for all stress tests, on the engine the environment selects (`DAYTONA_API_URL=local`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daytona import Daytona, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Daytona() as daytona, daytona.create() as sandbox:
        yield sandbox
