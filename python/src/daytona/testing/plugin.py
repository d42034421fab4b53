"""Fixtures for pytest. In the top `conftest.py`:

pytest_plugins = ["daytona.testing.plugin"]
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .. import Daytona
from . import Engine


@pytest.fixture(scope="session")
def _daytona_engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


@pytest.fixture
def daytona_engine(_daytona_engine: Engine) -> Iterator[Engine]:
    """An engine that clients without a configuration connect to during the test. All tests share it, and each finds it
    as new.
    """
    with _daytona_engine.selected():
        yield _daytona_engine
    _daytona_engine.reset()


@pytest.fixture
def daytona_client(daytona_engine: Engine) -> Iterator[Daytona]:
    """A client of that engine."""
    with daytona_engine.client() as client:
        yield client
