"""What git operations return, in the form callers like."""

from __future__ import annotations

from typing import Any

from ._model import Model

_UNMODIFIED = "Unmodified"


class FileStatus(Model):
    """State of a changed file.

    Attributes:
        name: Path in the repository.
        extra: Previous path of a renamed file.
        staging: State in the index: `Unmodified`, `Untracked`, `Modified`, `Added`, `Deleted`, `Renamed`, `Copied` or
            `Updated but unmerged`.
        worktree: State in the worktree, in the same words.
    """

    __slots__ = ("name", "extra", "staging", "worktree")

    def __init__(self, name: str, extra: str, staging: str, worktree: str) -> None:
        self.name = name
        self.extra = extra
        self.staging = staging
        self.worktree = worktree

    @property
    def path(self) -> str:
        """The same as `name`."""
        return self.name

    @property
    def status(self) -> str:
        """The state in one word: that of the worktree, or that of the index when the worktree adds nothing to it."""
        return self.staging if self.worktree in ("", _UNMODIFIED) else self.worktree

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> FileStatus:
        """Reads it from the core's JSON."""
        return cls(name=wire["name"], extra=wire["extra"], staging=wire["staging"], worktree=wire["worktree"])


class GitCommitResponse(Model):
    """A new commit.

    Attributes:
        sha: Its hash.
    """

    __slots__ = ("sha",)

    def __init__(self, sha: str) -> None:
        self.sha = sha

    @property
    def hash(self) -> str:
        """The same as `sha`."""
        return self.sha

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> GitCommitResponse:
        """Reads it from the core's JSON."""
        return cls(sha=wire["sha"])
