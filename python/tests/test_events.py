"""Changes of sandboxes as they happen, through everything that can happen to the connection."""

from __future__ import annotations

import threading

from daytona import Daytona, SandboxState
from daytona.testing import Engine

pytest_plugins = ["daytona.testing.plugin"]


def test_changes_are_told_in_order(daytona_engine: Engine, daytona_client: Daytona) -> None:
    begun = daytona_client.poll_events(timeout=0.001)
    sandbox = daytona_client.create()
    sandbox.stop()
    daytona_client.delete(sandbox)
    told: list[SandboxState | str | None] = []
    position = begun.position
    while SandboxState.DESTROYED not in told:
        found = daytona_client.poll_events(position)
        told += [event.state for event in found.events]
        position = found.position
    wanted = [SandboxState.STARTED, SandboxState.STOPPING, SandboxState.STOPPED, SandboxState.DESTROYED]
    assert [state for state in told if state in wanted] == wanted


def test_what_happens_while_there_is_no_connection_is_found(daytona_engine: Engine, daytona_client: Daytona) -> None:
    kept, going = daytona_client.create(), daytona_client.create()
    # The gateway breaks its connection, and those that come after it.
    daytona_engine.faults.add({"cut": 120}, path="/socket.io/", times=0)
    with daytona_engine.client() as watching, daytona_engine.client() as acting:
        position = watching.begin_events()
        acting.get(kept.id).stop()
        acting.get(going.id).delete()
        made = acting.create()
        left = {kept.id: SandboxState.STOPPED, going.id: SandboxState.DESTROYED, made.id: SandboxState.STARTED}
        while left:
            found = watching.poll_events(position)
            for event in found.events:
                if left.get(event.sandbox_id) == event.state:
                    del left[event.sandbox_id]
            position = found.position


def test_events_are_iterated_over(daytona_engine: Engine, daytona_client: Daytona) -> None:
    sandbox, other = daytona_client.create(), daytona_client.create()
    seen = threading.Event()

    def act() -> None:
        # Again and again: the iteration begins when it begins.
        while not seen.is_set():
            for changing in (other, sandbox):
                changing.stop()
                changing.start()

    acting = threading.Thread(target=act)
    acting.start()
    try:
        for event in daytona_client.events(sandbox.id):
            assert event.sandbox_id == sandbox.id
            if event.state == SandboxState.STOPPED:
                assert event.old_state is not None
                break
        for event in sandbox.on("stopped"):
            assert (event.sandbox_id, event.state) == (sandbox.id, SandboxState.STOPPED)
            assert event.cause == "request" and event.actor is not None
            break
    finally:
        seen.set()
        acting.join()
