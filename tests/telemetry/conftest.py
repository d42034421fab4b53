"""A collector for each test."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from receiver import Receiver

# What tests fetch by themselves is on this machine: its proxies are not on the way.
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
