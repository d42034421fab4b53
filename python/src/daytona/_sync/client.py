"""The synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .._config import DaytonaConfig, open_client
from .._requests import create_params
from .._to_come import missing_attribute
from ..generated.errors import DaytonaInvalidArgumentError
from ..generated.models.sandbox import ListSandboxesQuery
from ..generated.ops.sandbox import SandboxesOps
from .listing import PaginatedSandboxes
from .sandbox import STATE_TIMEOUT, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Unpack

    from .._async.client import AsyncDaytona
    from .._requests import CreateFields, CreateSandboxBaseParams


class Daytona:
    """Daytona's client.

    One client serves a whole program: it may be shared between threads, and keeps its
    connections. Close it, or use it as a context manager.

    Args:
        config: Configuration. What it does not say comes from the environment, `.env.local`, `.env`, or the default.

    Raises:
        `DaytonaAuthenticationError` without credentials, `DaytonaInvalidArgumentError` for an unusable value.
    """

    __slots__ = ("_client", "_config", "_ops")

    def __init__(self, config: DaytonaConfig | None = None) -> None:
        self._config = config
        self._client = open_client(config, "sdk-python")
        self._ops = SandboxesOps(self._client)

    @classmethod
    def local(cls) -> Daytona:
        """A client for the local engine, which is started when it does not run. It needs no account."""
        return cls(DaytonaConfig(api_url="local"))

    def create(
        self,
        params: CreateSandboxBaseParams | None = None,
        *,
        timeout: float | None = STATE_TIMEOUT,
        wait_for_start: bool = True,
        keep: bool = False,
        on_snapshot_create_logs: Callable[[str], Any] | None = None,
        **fields: Unpack[CreateFields],
    ) -> Sandbox:
        """Creates a sandbox and waits until it has started.

        Args:
            params: `CreateSandboxFromSnapshotParams` or `CreateSandboxFromImageParams`; their fields may be given as
                keywords instead. Default: a sandbox from the server's default snapshot.
            timeout: Seconds to wait for the sandbox to start; 0 = no limit.
            wait_for_start: Whether to wait until it has started.
            keep: Whether a call that is cancelled, interrupted or times out leaves the sandbox in place. Otherwise it
                deletes it.
            on_snapshot_create_logs: Called with the lines of the log while an image is built for the sandbox. This
                version has no image builder, so there are no lines yet.

        Raises:
            `DaytonaValidationError` for parameters the server refuses, `DaytonaConflictError` when the name is taken,
            `DaytonaTimeoutError` when it does not start in time, `DaytonaError` when it fails. Once there is a sandbox,
            the error has its `sandbox_id`.
        """
        info = self._ops.create(create_params(params, fields), timeout or 0, wait_for_start, keep)
        return Sandbox(info, self._client)

    def get(self, sandbox_id_or_name: str) -> Sandbox:
        """Returns the sandbox with this id or name.

        Raises:
            `DaytonaNotFoundError` when there is none.
        """
        return Sandbox(self._ops.get(sandbox_id_or_name), self._client)

    def find_one(
        self,
        sandbox_id_or_name: str | None = None,
        labels: dict[str, str] | None = None,
        *,
        id_or_name: str | None = None,
    ) -> Sandbox:
        """Returns the sandbox with this id or name, or the first that has all these labels.

        Raises:
            `DaytonaNotFoundError` when there is none, `DaytonaInvalidArgumentError` when neither is given.
        """
        wanted = sandbox_id_or_name if sandbox_id_or_name is not None else id_or_name
        return Sandbox(self._ops.find_one(wanted, labels), self._client)

    @overload
    def list(self, query: ListSandboxesQuery, /) -> PaginatedSandboxes: ...

    @overload
    def list(self, *, query: ListSandboxesQuery | None) -> PaginatedSandboxes: ...

    @overload
    def list(
        self, labels: dict[str, str] | None = None, page: int | None = None, limit: int | None = None
    ) -> PaginatedSandboxes: ...

    def list(
        self,
        labels: ListSandboxesQuery | dict[str, str] | None = None,
        page: int | None = None,
        limit: int | None = None,
        *,
        query: ListSandboxesQuery | None = None,
    ) -> PaginatedSandboxes:
        """Lists sandboxes: iterate over the result for all of them, or read one page from its fields.

        Args:
            query: Filters and order, for iteration.
            labels: Labels the sandboxes must have, all of them.
            page: Page, from 1. Default: 1.
            limit: Sandboxes a page or request, 1 to 200. Default: 100.
        """
        if isinstance(labels, ListSandboxesQuery):
            query, labels = labels, None
        if query is not None and (labels is not None or page is not None or limit is not None):
            raise DaytonaInvalidArgumentError("Give either a query or labels, page and limit.")
        if query is not None:
            query = ListSandboxesQuery.given("query", query)
        return PaginatedSandboxes(self._client, query, labels, page, limit)

    def start(self, sandbox: Sandbox, timeout: float | None = STATE_TIMEOUT) -> None:
        """The same as `sandbox.start`."""
        sandbox.start(timeout)

    def stop(self, sandbox: Sandbox, timeout: float | None = STATE_TIMEOUT, force: bool = False) -> None:
        """The same as `sandbox.stop`."""
        sandbox.stop(timeout, force)

    def delete(self, sandbox: Sandbox, timeout: float | None = STATE_TIMEOUT, wait: bool = False) -> None:
        """The same as `sandbox.delete`."""
        sandbox.delete(timeout, wait)

    def close(self) -> None:
        """Refuses further operations; those in flight go on. Sandboxes are not touched."""
        self._client.close()

    def __repr__(self) -> str:
        api_url, target = self._client.place()
        return f"{type(self).__name__}(api_url={api_url!r}, target={target!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    def __enter__(self) -> Daytona:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncDaytona:
        """The asynchronous client with the same configuration: `async with Daytona() as daytona`."""
        from .._async.client import AsyncDaytona

        return AsyncDaytona.sharing(self._config, self._client)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
