"""A sandbox."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._to_come import missing_attribute
from .._wire import target
from ..generated.async_ops.code_interpreter import AsyncCodeInterpreter
from ..generated.async_ops.computer_use import AsyncComputerUse
from ..generated.async_ops.fs import AsyncFileSystem
from ..generated.async_ops.git import AsyncGit
from ..generated.async_ops.lsp_server import AsyncLspServer
from ..generated.async_ops.network import AsyncNetwork
from ..generated.async_ops.process import AsyncProcess
from ..generated.async_ops.sandbox import AsyncSandboxesOps, AsyncSandboxMethods
from ..generated.enums import LspLanguageId, SandboxState
from ..generated.errors import DaytonaNotFoundError
from ..generated.models.lsp import LspServerInfo
from ..generated.models.sandbox import SandboxInfo
from .runtime import finished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Client
    from ..generated.models.sandbox import SandboxEvent

# Label that fixes the language of `code_run`.
LANGUAGE_LABEL = "code-toolbox-language"


class AsyncSandbox(AsyncSandboxMethods):
    """A sandbox: its description, as of the last call that returned one, and what can be done with it.

    `async with sandbox:` deletes it at the end.

    Attributes:
        process: Commands, code, processes, sessions and terminals.
        fs: Files.
        git: Git repositories.
        code_interpreter: The stateful code interpreter.
        network: What it does on the network.
        computer_use: Its desktop.
    """

    __slots__ = ("code_interpreter", "computer_use", "git", "network")

    def __init__(self, info: SandboxInfo, client: Client) -> None:
        self._take(info)
        toolbox = target(self.id, self.toolbox_proxy_url)
        self._sandboxes = AsyncSandboxesOps(client)
        self.process = AsyncProcess(client, toolbox, self.labels.get(LANGUAGE_LABEL, "python"))
        self.fs = AsyncFileSystem(client, toolbox)
        self.git = AsyncGit(client, toolbox)
        self.code_interpreter = AsyncCodeInterpreter(client, toolbox)
        self.network = AsyncNetwork(client, toolbox)
        self.computer_use = AsyncComputerUse(client, toolbox)

    async def on(self, *states: SandboxState | str) -> AsyncIterator[SandboxEvent]:
        """Iterates over the changes of this sandbox's state since the iteration began, without end; none is lost.

        Args:
            states: The states to tell of, for example `"stopped"`; all when there are none.
        """
        ops, wanted = self._sandboxes, [SandboxState(state) for state in states]
        position = await ops.begin_events()
        while True:
            found = await ops.poll_events(position, self.id, 0, wanted)
            position = found.position
            for event in found.events:
                yield event

    def create_lsp_server(self, language_id: LspLanguageId | str, path_to_project: str) -> AsyncLspServer:
        """A language server for a project. No request is made yet: `start` starts it.

        Args:
            language_id: Language of the server: `python`, `typescript` or `javascript`.
            path_to_project: Directory of the project; a relative path begins at the sandbox's working directory.
        """
        client = self._sandboxes._client  # pyright: ignore[reportPrivateUsage]
        server = LspServerInfo(LspLanguageId(language_id), path_to_project)
        return AsyncLspServer(client, target(self.id, self.toolbox_proxy_url), server)

    def _another(self, info: SandboxInfo) -> Self:
        return type(self)(info, self._sandboxes._client)  # pyright: ignore[reportPrivateUsage]

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
