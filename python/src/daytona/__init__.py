"""Daytona: isolated sandboxes for AI agents and developers.

    from daytona import Daytona

    with Daytona() as daytona:
        sandbox = daytona.create()
        print(sandbox.process.exec("echo hello").result)
        sandbox.delete()

`AsyncDaytona` is the same for asyncio. Its part of the package is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._charts import (
    BarChart,
    BarData,
    BoxAndWhiskerChart,
    BoxAndWhiskerData,
    Chart,
    Chart2D,
    ChartElement,
    CompositeChart,
    LineChart,
    PieChart,
    PieData,
    PointChart,
    PointData,
    ScatterChart,
)
from ._config import DaytonaConfig
from ._daytona import debug_stats
from ._files import CancelEvent, DownloadProgress, FileDownloadResponse, FileUpload, UploadProgress
from ._frames import LogChunk
from ._git import FileStatus, GitCommitResponse
from ._messages import OutputMessage
from ._requests import (
    CodeRunParams,
    CreateSandboxBaseParams,
    CreateSandboxFromImageParams,
    CreateSandboxFromSnapshotParams,
    SessionExecuteRequest,
)
from ._sync.client import Daytona
from ._sync.listing import PaginatedSandboxes
from ._sync.outputs import LogStream, OutputStream, ProcessOutput
from ._sync.pty import PtyHandle
from ._sync.reader import OutputReader
from ._sync.sandbox import Sandbox
from ._sync.spawned import SpawnedProcess
from ._sync.streams import DownloadStream, FileReader, FileWriter
from .generated import errors
from .generated.enums import (
    ChartType,
    CodeLanguage,
    OutputChannel,
    SandboxDesiredState,
    SandboxListSortDirection,
    SandboxListSortField,
    SandboxState,
)
from .generated.errors import *  # noqa: F403
from .generated.models.code_interpreter import ExecutionError, ExecutionResult, InterpreterContext
from .generated.models.fs import (
    DirectoryProgress,
    DirectoryResult,
    FileDownloadErrorDetails,
    FileDownloadRequest,
    FileInfo,
    Match,
    ReplaceResult,
    SearchFilesResponse,
    SkippedEntry,
)
from .generated.models.git import GitCommitInfo, GitStatus, ListBranchResponse
from .generated.models.process import (
    Command,
    ExecuteResponse,
    ExecutionArtifacts,
    ProcessInfo,
    PtyResult,
    PtySessionInfo,
    PtySize,
    Session,
    SessionCommandLogsResponse,
    SessionExecuteResponse,
)
from .generated.models.sandbox import (
    BuildInfo,
    ListSandboxesQuery,
    PortPreviewUrl,
    Resources,
    SignedPortPreviewUrl,
    VolumeMount,
)
from .generated.ops.code_interpreter import CodeInterpreter
from .generated.ops.fs import FileSystem
from .generated.ops.git import Git
from .generated.ops.process import Process

if TYPE_CHECKING:
    from ._async.client import AsyncDaytona
    from ._async.listing import AsyncPaginatedSandboxes
    from ._async.outputs import AsyncLogStream, AsyncOutputStream, AsyncProcessOutput
    from ._async.pty import AsyncPtyHandle
    from ._async.reader import AsyncOutputReader
    from ._async.sandbox import AsyncSandbox
    from ._async.spawned import AsyncSpawnedProcess
    from ._async.streams import AsyncDownloadStream, AsyncFileReader, AsyncFileWriter
    from ._types import CodeLanguageLiteral, LspLanguageIdLiteral, OutputHandler, SupportedPythonSeries
    from .generated.async_ops.code_interpreter import AsyncCodeInterpreter
    from .generated.async_ops.fs import AsyncFileSystem
    from .generated.async_ops.git import AsyncGit
    from .generated.async_ops.process import AsyncProcess
    from .generated.to_come import *  # noqa: F403

__version__ = "0.1.0"

# What is loaded when it is first used, and where it is. Documented names that are not there yet follow these.
_LAZY = {
    "AsyncCodeInterpreter": "generated.async_ops.code_interpreter",
    "AsyncDaytona": "_async.client",
    "AsyncDownloadStream": "_async.streams",
    "AsyncFileReader": "_async.streams",
    "AsyncFileSystem": "generated.async_ops.fs",
    "AsyncFileWriter": "_async.streams",
    "AsyncGit": "generated.async_ops.git",
    "AsyncLogStream": "_async.outputs",
    "AsyncOutputReader": "_async.reader",
    "AsyncOutputStream": "_async.outputs",
    "AsyncPaginatedSandboxes": "_async.listing",
    "AsyncProcess": "generated.async_ops.process",
    "AsyncProcessOutput": "_async.outputs",
    "AsyncPtyHandle": "_async.pty",
    "AsyncSandbox": "_async.sandbox",
    "AsyncSpawnedProcess": "_async.spawned",
    "CodeLanguageLiteral": "_types",
    "LspLanguageIdLiteral": "_types",
    "OutputHandler": "_types",
    "SupportedPythonSeries": "_types",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    module = import_module(f"{__name__}.{_LAZY.get(name, 'generated.to_come')}")
    if name not in _LAZY and name not in module.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "AsyncCodeInterpreter",
    "AsyncDaytona",
    "AsyncDownloadStream",
    "AsyncFileReader",
    "AsyncFileSystem",
    "AsyncFileWriter",
    "AsyncGit",
    "AsyncLogStream",
    "AsyncOutputReader",
    "AsyncOutputStream",
    "AsyncPaginatedSandboxes",
    "AsyncProcess",
    "AsyncProcessOutput",
    "AsyncPtyHandle",
    "AsyncSandbox",
    "AsyncSpawnedProcess",
    "BarChart",
    "BarData",
    "BoxAndWhiskerChart",
    "BoxAndWhiskerData",
    "BuildInfo",
    "CancelEvent",
    "Chart",
    "Chart2D",
    "ChartElement",
    "ChartType",
    "CodeInterpreter",
    "CodeLanguage",
    "CodeLanguageLiteral",
    "CodeRunParams",
    "Command",
    "CompositeChart",
    "CreateSandboxBaseParams",
    "CreateSandboxFromImageParams",
    "CreateSandboxFromSnapshotParams",
    "Daytona",
    "DaytonaConfig",
    "DirectoryProgress",
    "DirectoryResult",
    "DownloadProgress",
    "DownloadStream",
    "ExecuteResponse",
    "ExecutionArtifacts",
    "ExecutionError",
    "ExecutionResult",
    "FileDownloadErrorDetails",
    "FileDownloadRequest",
    "FileDownloadResponse",
    "FileInfo",
    "FileReader",
    "FileStatus",
    "FileSystem",
    "FileUpload",
    "FileWriter",
    "Git",
    "GitCommitInfo",
    "GitCommitResponse",
    "GitStatus",
    "InterpreterContext",
    "LineChart",
    "ListBranchResponse",
    "ListSandboxesQuery",
    "LogChunk",
    "LogStream",
    "LspLanguageIdLiteral",
    "Match",
    "OutputChannel",
    "OutputHandler",
    "OutputMessage",
    "OutputReader",
    "OutputStream",
    "PaginatedSandboxes",
    "PieChart",
    "PieData",
    "PointChart",
    "PointData",
    "PortPreviewUrl",
    "Process",
    "ProcessInfo",
    "ProcessOutput",
    "PtyHandle",
    "PtyResult",
    "PtySessionInfo",
    "PtySize",
    "ReplaceResult",
    "Resources",
    "Sandbox",
    "SandboxDesiredState",
    "SandboxListSortDirection",
    "SandboxListSortField",
    "SandboxState",
    "ScatterChart",
    "SearchFilesResponse",
    "Session",
    "SessionCommandLogsResponse",
    "SessionExecuteRequest",
    "SessionExecuteResponse",
    "SignedPortPreviewUrl",
    "SkippedEntry",
    "SpawnedProcess",
    "SupportedPythonSeries",
    "UploadProgress",
    "VolumeMount",
    "debug_stats",
]
__all__ += errors.__all__
