"""A sandbox."""
# Derived from ../_async/sandbox.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._to_come import missing_attribute
from .._wire import target
from ..generated.enums import LspLanguageId, SandboxState
from ..generated.errors import DaytonaNotFoundError
from ..generated.models.lsp import LspServerInfo
from ..generated.models.sandbox import SandboxInfo
from ..generated.ops.code_interpreter import CodeInterpreter
from ..generated.ops.computer_use import ComputerUse
from ..generated.ops.fs import FileSystem
from ..generated.ops.git import Git
from ..generated.ops.lsp_server import LspServer
from ..generated.ops.network import Network
from ..generated.ops.process import Process
from ..generated.ops.sandbox import SandboxesOps, SandboxMethods
from .runtime import finished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from .._daytona import Client
    from ..generated.models.sandbox import SandboxEvent

# Label that fixes the language of `code_run`.
LANGUAGE_LABEL = "code-toolbox-language"


class Sandbox(SandboxMethods):
    """A sandbox: its description, as of the last call that returned one, and what can be done with it.

    `with sandbox:` deletes it at the end.

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
        self._sandboxes = SandboxesOps(client)
        self.process = Process(client, toolbox, self.labels.get(LANGUAGE_LABEL, "python"))
        self.fs = FileSystem(client, toolbox)
        self.git = Git(client, toolbox)
        self.code_interpreter = CodeInterpreter(client, toolbox)
        self.network = Network(client, toolbox)
        self.computer_use = ComputerUse(client, toolbox)

    def on(self, *states: SandboxState | str) -> Iterator[SandboxEvent]:
        """Iterates over the changes of this sandbox's state since the iteration began, without end; none is lost.

        Args:
            states: The states to tell of, for example `"stopped"`; all when there are none.
        """
        ops, wanted = self._sandboxes, [SandboxState(state) for state in states]
        position = ops.begin_events()
        while True:
            found = ops.poll_events(position, self.id, 0, wanted)
            position = found.position
            for event in found.events:
                yield event

    def create_lsp_server(self, language_id: LspLanguageId | str, path_to_project: str) -> LspServer:
        """A language server for a project. No request is made yet: `start` starts it.

        Args:
            language_id: Language of the server: `python`, `typescript` or `javascript`.
            path_to_project: Directory of the project; a relative path begins at the sandbox's working directory.
        """
        client = self._sandboxes._client  # pyright: ignore[reportPrivateUsage]
        server = LspServerInfo(LspLanguageId(language_id), path_to_project)
        return LspServer(client, target(self.id, self.toolbox_proxy_url), server)

    def _another(self, info: SandboxInfo) -> Self:
        return type(self)(info, self._sandboxes._client)  # pyright: ignore[reportPrivateUsage]

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, SandboxInfo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.state in (SandboxState.DESTROYED, SandboxState.DESTROYING):
            return
        try:
            finished(self.delete)
        except DaytonaNotFoundError:
            pass  # It is gone, as it should be.

    def __repr__(self) -> str:
        state = None if self.state is None else str(self.state)
        return f"{type(self).__name__}(id={self.id!r}, name={self.name!r}, state={state!r})"
