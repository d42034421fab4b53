"""Git repositories of a sandbox."""
# Derived from ../_async/git.py by `cargo xtask codegen`; do not edit.

from __future__ import annotations

from ..generated.ops.git import GitOps


class Git(GitOps):
    """Git repositories of a sandbox. Relative paths start at the sandbox's working directory."""

    __slots__ = ()

    def pull(
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
        self._pull(path, username, password, branch, remote, None, timeout)

    def checkout(self, path: str, branch: str) -> None:
        """The same as `checkout_branch`."""
        self.checkout_branch(path, branch)
