"""An engine of its own for tests: no account, no network, time that can be moved, faults on demand.

    from daytona.testing import Engine

    with Engine() as engine, engine.client() as daytona:
        sandbox = daytona.create(auto_stop_interval=15)
        engine.clock.advance("15m")
        sandbox.refresh_data()
        assert sandbox.state == "stopped"

With pytest, `pytest_plugins = ["daytona.testing.plugin"]` in the top `conftest.py` gives tests the fixtures
`daytona_engine` and `daytona_client`. It takes the program of `daytona[local]`.
"""

from ._controls import Clock, Done, Faults
from ._engine import Engine

__all__ = ["Clock", "Done", "Engine", "Faults"]
