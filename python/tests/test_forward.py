"""Forwarded ports end with their handle, their block and their client."""

from __future__ import annotations

import asyncio
import socket

import pytest

from daytona import AsyncDaytona, Daytona, DaytonaConflictError, DaytonaInvalidArgumentError, PortForward, Sandbox

SERVER = "exec python3 -um http.server --bind 127.0.0.1 8124"


@pytest.fixture(scope="module")
def served(sandbox: Sandbox) -> Sandbox:
    sandbox.process.spawn(SERVER)
    sandbox.process.wait_for_port(8124, timeout=120)
    return sandbox


def status(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection, connection.makefile("rb") as answer:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return answer.read(12)


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


def test_it_ends_with_its_block_and_can_be_closed_twice(served: Sandbox) -> None:
    with served.forward_port(8124) as forward:
        assert status(forward.local_port) == b"HTTP/1.0 200"
        assert repr(forward) == f"PortForward(local_port={forward.local_port})"
        assert forward.http_only is False
    assert refused(forward.local_port)
    forward.close()


def test_it_ends_when_it_is_collected(served: Sandbox) -> None:
    port = served.forward_port(8124).local_port
    assert refused(port)


def test_it_ends_with_its_client(served: Sandbox) -> None:
    with Daytona() as other:
        forward: PortForward = other.get(served.id).forward_port(8124)
        assert status(forward.local_port) == b"HTTP/1.0 200"
    assert refused(forward.local_port)


def test_what_cannot_be_is_refused_by_name(served: Sandbox) -> None:
    with pytest.raises(DaytonaInvalidArgumentError, match=r"port is 0; it must be between 1 and 65535"):
        served.forward_port(0)
    with pytest.raises(DaytonaInvalidArgumentError, match=r"local_port is 70000"):
        served.forward_port(8124, local_port=70000)
    with served.forward_port(8124) as forward, pytest.raises(DaytonaConflictError, match="local_port, or 0"):
        served.forward_port(8124, forward.local_port)


def test_the_asynchronous_one_is_the_same(served: Sandbox) -> None:
    async def main() -> int:
        async with AsyncDaytona() as daytona:
            sandbox = await daytona.get(served.id)
            async with await sandbox.forward_port(8124) as forward:
                assert await asyncio.to_thread(status, forward.local_port) == b"HTTP/1.0 200"
            return forward.local_port

    assert refused(asyncio.run(main()))
