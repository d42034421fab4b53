"""Error classes, their attributes, and secrets."""

import pickle
import subprocess
import sys

import pytest

import daytona as package
from daytona import (
    Daytona,
    DaytonaAuthenticationError,
    DaytonaConfig,
    DaytonaConnectionError,
    DaytonaError,
    DaytonaInvalidArgumentError,
    DaytonaNotFoundError,
    DaytonaValidationError,
    SandboxState,
    SignedPortPreviewUrl,
)
from daytona.generated.errors import error_from_wire


def test_an_error_says_what_is_known(daytona: Daytona) -> None:
    with pytest.raises(DaytonaNotFoundError) as caught:
        daytona.get("nobody")
    error = caught.value
    assert "nobody" in error.message == str(error)
    assert (error.kind, error.status_code, error.operation) == ("NotFound", 404, "sandbox.get")
    assert error.retryable is False
    assert error.code == error.error_code
    assert "json" in error.headers["Content-Type"] == error.headers.get("CONTENT-TYPE")
    assert "content-TYPE" in error.headers


def test_errors_are_raised_by_the_package_and_not_by_native_code(daytona: Daytona) -> None:
    with pytest.raises(DaytonaNotFoundError) as caught:
        daytona.get("nobody")
    assert caught.traceback[0].path.name == "test_errors.py"


def test_the_classes_form_the_documented_hierarchy() -> None:
    assert issubclass(DaytonaInvalidArgumentError, DaytonaValidationError)
    assert package.DaytonaBadRequestError is DaytonaValidationError
    assert package.DaytonaForbiddenError is package.DaytonaAuthorizationError
    assert issubclass(package.DaytonaFileNotFoundError, DaytonaNotFoundError)
    assert issubclass(package.DaytonaSessionEndedError, package.DaytonaGoneError)


def test_an_error_may_be_made_by_hand() -> None:
    error = DaytonaError("message", 418, {"Retry-After": 3}, "TEAPOT")
    assert (error.message, error.status_code, error.error_code, error.headers["retry-after"]) == (
        "message",
        418,
        "TEAPOT",
        "3",
    )
    assert pickle.loads(pickle.dumps(error)).message == "message"


def test_an_unknown_kind_is_an_error_of_the_base_class() -> None:
    error = error_from_wire('{"kind": "Novel", "message": "new", "retryable": true, "retryAfter": 2.5}')
    assert type(error) is DaytonaError
    assert (error.kind, error.retryable, error.retry_after) == ("Novel", True, 2.5)


def test_a_client_without_credentials_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("DAYTONA_API_KEY", "DAYTONA_JWT_TOKEN", "DAYTONA_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(str(tmp_path))
    with pytest.raises(DaytonaAuthenticationError, match="DAYTONA_API_KEY"):
        Daytona()
    with pytest.raises(DaytonaInvalidArgumentError, match=r"example\.com"):
        Daytona(DaytonaConfig(api_key="k", api_url="example.com"))


def test_secrets_are_printed_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sesame-open"
    config = DaytonaConfig(api_key=secret, jwt_token=secret, api_url="http://127.0.0.1:1")
    assert secret not in repr(config) + str(config)
    with Daytona(config) as client:
        assert secret not in repr(client)
        with pytest.raises(DaytonaConnectionError) as caught:
            client.get("x")
        assert secret not in repr(caught.value) + str(caught.value.__dict__)
    params = package.CreateSandboxFromSnapshotParams(env_vars={"KEY": secret})
    assert secret not in repr(params)
    url = SignedPortPreviewUrl(
        sandbox_id="s", port=1, token=secret, url=f"https://1-{secret}.example.com", expires_at="2026-01-01T00:00:00Z"
    )
    assert secret not in repr(url)


def test_unknown_enum_values_are_kept() -> None:
    state = SandboxState("levitating")
    assert state == "levitating" == str(state)
    assert isinstance(state, SandboxState)
    assert {SandboxState.STARTED: 1}["started"] == 1
    assert pickle.loads(pickle.dumps(state)) == state


# A limit of memory stays, so this is a program of its own.
WITHOUT_THREADS = """
import os, resource
from daytona import Daytona, DaytonaConfig, DaytonaConnectionError, DaytonaError

client = Daytona(DaytonaConfig(api_key="k", api_url="http://127.0.0.1:9"))
pages = int(open("/proc/self/statm").read().split()[0])
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
# Too little for the stack of another thread, enough for everything else.
resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + 1_000_000, hard))
try:
    client.get("x")
except DaytonaError as error:
    told = error
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
assert "the system lets this process have no more threads" in str(told), told
try:
    client.get("x")
except DaytonaConnectionError:
    print("tried again")
"""


def test_a_machine_that_gives_no_threads_is_an_error_like_others() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_THREADS], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "tried again\n", "")
