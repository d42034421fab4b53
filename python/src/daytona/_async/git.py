"""Git repositories of a sandbox."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from ..generated.async_ops.git import AsyncGitOps


class AsyncGit(AsyncGitOps):
    """Git repositories of a sandbox. Relative paths start at the sandbox's working directory."""

    __slots__ = ()

    async def pull(
        self,
        path: str,
        username: str | None = None,
        password: str | None = None,
        branch: str | None = None,
        remote: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Fetches the current branch and moves forward to it.

        Args:
            path: Path of the repository.
            username: User name at the remote; used only together with `password`.
            password: Password or token at the remote.
            branch: Branch. Default: the current one.
            remote: Remote. Default: `origin`.
            timeout: Seconds the call may take; 0 = no limit. Default: 1800.

        Raises:
            `DaytonaGitAuthFailedError`, `DaytonaGitMergeConflictError` when the branches have gone apart,
            `DaytonaGitDirtyWorktreeError`, `DaytonaTimeoutError`.
        """
        await self._pull(path, username, password, branch, remote, None, timeout)

    async def checkout(self, path: str, branch: str) -> None:
        """The same as `checkout_branch`."""
        await self.checkout_branch(path, branch)
