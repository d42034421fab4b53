"""The client's log in Python's logging."""

import logging
import subprocess
import sys

import pytest

from daytona import Daytona, DaytonaConfig, DaytonaConnectionError, DaytonaNotFoundError, Sandbox


def test_requests_and_operations_are_logged_with_their_data(
    sandbox: Sandbox, daytona: Daytona, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "daytona"):
        sandbox.process.exec("true", env={"KEY": "sesame"})
        with pytest.raises(DaytonaNotFoundError):
            daytona.get("nobody")
    requests = [record for record in caplog.records if record.levelno == logging.DEBUG]
    operations = [record for record in caplog.records if record.levelno == logging.INFO]
    answer = next(record for record in requests if getattr(record, "status", None) == 404)
    fields = vars(answer)
    assert (fields["method"], fields["url"].rsplit("/", 1)[-1]) == ("GET", "nobody")
    assert fields["duration_ms"] > 0
    assert [getattr(record, "operation", None) for record in operations] == ["process.exec", "sandbox.get"]
    assert {record.name for record in caplog.records} == {"daytona"}
    assert "sesame" not in caplog.text


def test_only_what_the_logger_wants_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "daytona"):
        sandbox.process.exec("true")
        assert not caplog.records
        client = Daytona(DaytonaConfig(api_key="key", api_url="http://127.0.0.1:9"))
        with pytest.raises(DaytonaConnectionError):
            client.get("x")
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_program_that_does_not_log_hears_nothing() -> None:
    program = """
import logging, daytona
client = daytona.Daytona(daytona.DaytonaConfig(api_key="key", api_url="http://127.0.0.1:9"))
try:
    client.get("x")
except daytona.DaytonaConnectionError:
    print("refused")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("refused\n", "")
