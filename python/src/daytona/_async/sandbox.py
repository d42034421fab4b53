"""A sandbox."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._to_come import missing_attribute
from .._wire import target
from ..generated.async_ops.sandbox import AsyncSandboxesOps
from ..generated.enums import SandboxState
from ..generated.errors import DaytonaNotFoundError
from ..generated.models.sandbox import NetworkSettings, SandboxInfo
from .code_interpreter import AsyncCodeInterpreter
from .filesystem import AsyncFileSystem
from .git import AsyncGit
from .process import AsyncProcess
from .runtime import finished

if TYPE_CHECKING:
    from types import TracebackType

    from .._daytona import Client
    from ..generated.models.sandbox import PortPreviewUrl, SignedPortPreviewUrl

# Label that fixes the language of `code_run`.
LANGUAGE_LABEL = "code-toolbox-language"
# Seconds to wait for a state unless the caller says otherwise; `None` and 0 = no limit.
STATE_TIMEOUT = 60.0


class AsyncSandbox(SandboxInfo):
    """A sandbox: its description, as of the last call that returned one, and what can be done with it.

    `async with sandbox:` deletes it at the end.

    Attributes:
        process: Commands, code, processes, sessions and terminals.
        fs: Files.
        git: Git repositories.
        code_interpreter: The stateful code interpreter.
    """

    __slots__ = ("_sandboxes", "code_interpreter", "fs", "git", "process")

    def __init__(self, info: SandboxInfo, client: Client) -> None:
        self._take(info)
        toolbox = target(self.id, self.toolbox_proxy_url)
        self._sandboxes = AsyncSandboxesOps(client)
        self.process = AsyncProcess(client, toolbox, self.labels.get(LANGUAGE_LABEL, "python"))
        self.fs = AsyncFileSystem(client, toolbox)
        self.git = AsyncGit(client, toolbox)
        self.code_interpreter = AsyncCodeInterpreter(client, toolbox)

    def _take(self, info: SandboxInfo) -> None:
        for name in SandboxInfo.__slots__:
            setattr(self, name, getattr(info, name))

    async def refresh_data(self) -> None:
        """Reads the description anew.

        Raises:
            `DaytonaNotFoundError` when the sandbox is gone.
        """
        self._take(await self._sandboxes.get(self.id))

    async def refresh(self) -> None:
        """The same as `refresh_data`."""
        await self.refresh_data()

    async def start(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """Starts the sandbox and waits until it has started.

        Args:
            timeout: Seconds to wait; 0 = no limit.

        Raises:
            `DaytonaValidationError` when its state does not allow it, `DaytonaTimeoutError` when it takes too long.
        """
        self._take(await self._sandboxes.start(self.id, timeout or 0))

    async def stop(self, timeout: float | None = STATE_TIMEOUT, force: bool = False) -> None:
        """Stops the sandbox and waits until it has stopped. Its files are kept, its processes end.

        Args:
            timeout: Seconds to wait; 0 = no limit.
            force: Whether to kill the processes at once instead of asking them to end.

        Raises:
            `DaytonaValidationError` when its state does not allow it, `DaytonaTimeoutError` when it takes too long.
        """
        self._take(await self._sandboxes.stop(self.id, timeout or 0, force))

    async def delete(self, timeout: float | None = STATE_TIMEOUT, wait: bool = False) -> None:
        """Deletes the sandbox with everything in it.

        Args:
            timeout: Seconds the call may take; 0 = no limit.
            wait: Whether to wait until it is gone.

        Raises:
            `DaytonaNotFoundError` when it is gone already, `DaytonaConflictError` while its state changes.
        """
        self._take(await self._sandboxes.delete(self.id, timeout or 0, wait))

    async def recover(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """Brings the sandbox back from a recoverable error and waits until it has started.

        Args:
            timeout: Seconds to wait; 0 = no limit.

        Raises:
            `DaytonaValidationError` when its state does not allow it, `DaytonaTimeoutError` when it takes too long.
        """
        self._take(await self._sandboxes.recover(self.id, timeout or 0))

    async def archive(self) -> None:
        """Moves the stopped sandbox to object storage.

        Raises:
            `DaytonaValidationError` when its state does not allow it.
        """
        self._take(await self._sandboxes.archive(self.id))

    async def wait_for_sandbox_start(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """Waits until the sandbox has started.

        Args:
            timeout: Seconds to wait; 0 = no limit.

        Raises:
            `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
        """
        self._take(await self._sandboxes.wait_for_start(self.id, timeout or 0))

    async def wait_for_start(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """The same as `wait_for_sandbox_start`."""
        await self.wait_for_sandbox_start(timeout)

    async def wait_until_started(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """The same as `wait_for_sandbox_start`."""
        await self.wait_for_sandbox_start(timeout)

    async def wait_for_sandbox_stop(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """Waits until the sandbox has stopped or is gone.

        Args:
            timeout: Seconds to wait; 0 = no limit.

        Raises:
            `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
        """
        self._take(await self._sandboxes.wait_for_stop(self.id, timeout or 0))

    async def wait_for_stop(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """The same as `wait_for_sandbox_stop`."""
        await self.wait_for_sandbox_stop(timeout)

    async def wait_until_stopped(self, timeout: float | None = STATE_TIMEOUT) -> None:
        """The same as `wait_for_sandbox_stop`."""
        await self.wait_for_sandbox_stop(timeout)

    async def set_labels(self, labels: dict[str, str]) -> dict[str, str]:
        """Replaces the labels and returns them.

        Raises:
            `DaytonaNotFoundError` when the sandbox is gone.
        """
        self.labels = await self._sandboxes.set_labels(self.id, labels)
        return self.labels

    async def set_autostop_interval(self, interval: int) -> None:
        """Sets the minutes without activity after which the sandbox stops; 0 = never.

        Raises:
            `DaytonaInvalidArgumentError` for a negative number.
        """
        await self._sandboxes.set_auto_stop_interval(self.id, interval)
        self.auto_stop_interval = interval

    async def set_auto_stop_interval(self, interval: int) -> None:
        """The same as `set_autostop_interval`."""
        await self.set_autostop_interval(interval)

    async def set_auto_archive_interval(self, interval: int) -> None:
        """Sets the minutes stopped after which the sandbox is archived; 0 = the longest the server allows.

        Raises:
            `DaytonaInvalidArgumentError` for a negative number.
        """
        await self._sandboxes.set_auto_archive_interval(self.id, interval)
        self.auto_archive_interval = interval

    async def set_auto_delete_interval(self, interval: int) -> None:
        """Sets the minutes stopped after which the sandbox is deleted; 0 = at once, negative = never.

        Raises:
            `DaytonaNotFoundError` when the sandbox is gone.
        """
        await self._sandboxes.set_auto_delete_interval(self.id, interval)
        self.auto_delete_interval = interval

    async def refresh_activity(self) -> None:
        """Tells the server that the sandbox is in use, so that it does not stop for lack of activity.

        Raises:
            `DaytonaNotFoundError` when the sandbox is gone.
        """
        await self._sandboxes.refresh_activity(self.id)

    async def update_network_settings(
        self,
        *,
        network_block_all: bool | None = None,
        network_allow_list: str | None = None,
        domain_allow_list: str | None = None,
    ) -> None:
        """Changes the network rules; at least one must be given.

        Args:
            network_block_all: Whether to block all network access.
            network_allow_list: Comma-separated networks (CIDR) the sandbox may reach.
            domain_allow_list: Comma-separated domains the sandbox may reach.

        Raises:
            `DaytonaValidationError` when no rule is given.
        """
        settings = NetworkSettings(network_block_all, network_allow_list, domain_allow_list)
        self._take(await self._sandboxes.update_network_settings(self.id, settings))

    async def get_preview_link(self, port: int) -> PortPreviewUrl:
        """Returns the URL of a port of the sandbox, and the token it needs unless the sandbox is public.

        Raises:
            `DaytonaValidationError` when the port is not 1 to 65535.
        """
        return await self._sandboxes.get_preview_link(self.id, port)

    async def create_signed_preview_url(self, port: int, expires_in_seconds: int | None = None) -> SignedPortPreviewUrl:
        """Returns a URL of a port of the sandbox that needs no further authentication.

        Args:
            port: The port, 1 to 65535.
            expires_in_seconds: How long it is valid, 1 to 86400. Default: 60.

        Raises:
            `DaytonaValidationError` when the port or the time is out of range.
        """
        return await self._sandboxes.create_signed_preview_url(self.id, port, expires_in_seconds)

    async def get_signed_preview_url(self, port: int, expires_in_seconds: int | None = None) -> SignedPortPreviewUrl:
        """The same as `create_signed_preview_url`."""
        return await self.create_signed_preview_url(port, expires_in_seconds)

    async def expire_signed_preview_url(self, port: int, token: str) -> None:
        """Ends a signed preview URL before its time.

        Raises:
            `DaytonaNotFoundError` when the sandbox is gone.
        """
        await self._sandboxes.expire_signed_preview_url(self.id, port, token)

    async def get_user_home_dir(self) -> str:
        """Returns the home directory of the sandbox's user."""
        return await self.fs.get_user_home_dir()

    async def get_user_root_dir(self) -> str:
        """The same as `get_user_home_dir`."""
        return await self.get_user_home_dir()

    async def get_work_dir(self) -> str:
        """Returns the working directory: where commands start and relative paths begin."""
        return await self.fs.get_work_dir()

    async def get_working_dir(self) -> str:
        """The same as `get_work_dir`."""
        return await self.get_work_dir()

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, SandboxInfo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    async def __aenter__(self) -> AsyncSandbox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.state in (SandboxState.DESTROYED, SandboxState.DESTROYING):
            return
        try:
            await finished(self.delete)
        except DaytonaNotFoundError:
            pass  # It is gone, as it should be.

    def __repr__(self) -> str:
        state = None if self.state is None else str(self.state)
        return f"{type(self).__name__}(id={self.id!r}, name={self.name!r}, state={state!r})"
