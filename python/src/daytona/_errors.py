"""The base class of the errors, and how an error of the core becomes an exception."""

from __future__ import annotations

from collections.abc import Mapping
from json import loads
from typing import Any


class Headers(dict[str, str]):
    """Response headers: names are found in any case."""

    def __init__(self, headers: Mapping[str, Any] | None = None) -> None:
        super().__init__({name.lower(): str(value) for name, value in (headers or {}).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or the default."""
        return super().get(name.lower(), default)


class DaytonaError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: What happened, in a sentence; also `str(error)`.
        kind: Kind of the error, as in the name of its class.
        status_code: HTTP status of the response, if there was one.
        headers: Headers of the response, with names in any case.
        error_code: Machine-readable code of the server, if it sent one.
        source: Part of the platform that failed, if it said so.
        request_id: Id of the request, for support.
        method: HTTP method of the request that failed, if there was one.
        url: URL of that request, without query.
        operation: Operation that failed, such as `process.exec`.
        sandbox_id: Id of the sandbox it is about, as far as it is known.
        retryable: Whether the same call may succeed later.
        retry_after: Seconds to wait before the next attempt, if the server said so.
    """

    kind: str = "Unknown"

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__.removeprefix("Daytona").removesuffix("Error")

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        headers: Mapping[str, Any] | None = None,
        error_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self.status_code: int | None = status_code
        self.headers: Headers = Headers(headers)
        self.error_code: str | None = error_code
        self.source: str | None = None
        self.request_id: str | None = None
        self.method: str | None = None
        self.url: str | None = None
        self.operation: str | None = None
        self.sandbox_id: str | None = None
        self.retryable: bool = False
        self.retry_after: float | None = None

    @property
    def code(self) -> str | None:
        """The same as `error_code`."""
        return self.error_code


def error_from_wire(text: str) -> DaytonaError:
    """The exception for an error of the core, given as JSON."""
    from .generated.errors import KINDS

    info: dict[str, Any] = loads(text)
    kind = info["kind"]
    error = KINDS.get(kind, DaytonaError)(info["message"], info.get("status"), info.get("headers"), info.get("code"))
    error.kind = kind
    error.source = info.get("source")
    error.request_id = info.get("requestId")
    error.method = info.get("method")
    error.url = info.get("url")
    error.operation = info.get("operation")
    error.sandbox_id = info.get("sandboxId")
    error.retryable = info.get("retryable", False)
    error.retry_after = info.get("retryAfter")
    return error


def cancelled() -> DaytonaError:
    """The exception for an operation that was cancelled from elsewhere."""
    from .generated.errors import DaytonaCancelledError

    return DaytonaCancelledError("The operation was cancelled.")
