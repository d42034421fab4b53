"""Git repositories."""

import asyncio

import pytest

from daytona import (
    AsyncDaytona,
    DaytonaConflictError,
    DaytonaGitBranchNotFoundError,
    DaytonaNotFoundError,
    Sandbox,
)


@pytest.fixture
def remote(sandbox: Sandbox, unique: str) -> str:
    """A bare repository in the sandbox, with one commit."""
    path = f"/tmp/{unique}.git"
    commit = "git -c user.name=Zoe -c user.email=zoe@example.com commit -q --allow-empty -m Zero"
    made = sandbox.process.exec(
        f"git init -q -b main {path}.w && cd {path}.w && {commit} && git clone -q --bare . {path}"
    )
    assert made.exit_code == 0, made.result
    return path


def test_a_change_travels_from_clone_to_clone(sandbox: Sandbox, unique: str, remote: str) -> None:
    git, fs = sandbox.git, sandbox.fs
    ours, theirs = f"{unique}/ours", f"{unique}/theirs"
    git.clone(remote, ours)
    fs.upload_file(b"one\n", f"{ours}/one")
    git.add(ours, ["."])
    commit = git.commit(ours, "First", "Ann", "ann@example.com")
    assert commit.sha == commit.hash == git.history(ours)[0].hash
    git.push(ours, set_upstream=True)
    git.clone(remote, theirs, branch="main", depth=1)
    fs.upload_file(b"two\n", f"{ours}/one")
    fs.upload_file(b"new\n", f"{ours}/new")
    git.add(ours, ["new"])
    status = git.status(ours)
    assert (status.current_branch, status.ahead, status.behind, status.branch_published) == ("main", 0, 0, True)
    states = {file.path: (file.status, file.staging, file.worktree) for file in status.file_status}
    assert states == {"new": ("Added", "Added", "Unmodified"), "one": ("Modified", "Unmodified", "Modified")}
    git.commit(ours, "Second", "Ann", "ann@example.com")
    git.push(ours)
    git.pull(theirs)
    assert [entry.message.strip() for entry in git.history(theirs)][:1] == ["Second"]
    assert git.commit(ours, "Nothing", "Ann", "ann@example.com", allow_empty=True).sha


def test_branches_are_created_checked_out_and_deleted(sandbox: Sandbox, unique: str, remote: str) -> None:
    git = sandbox.git
    git.clone(remote, unique)
    first = git.commit(unique, "First", "Ann", "ann@example.com", allow_empty=True)
    git.create_branch(unique, "topic")
    git.commit(unique, "Lost", "Ann", "ann@example.com", allow_empty=True)
    assert sorted(git.branches(unique).branches) == ["main", "topic"]
    git.checkout_branch(unique, "main")
    with pytest.raises(DaytonaConflictError, match="topic"):
        git.delete_branch(unique, "topic", force=False)
    git.delete_branch(unique, "topic", force=True)
    assert git.branches(unique).branches == ["main"]
    git.checkout(unique, first.sha)
    with pytest.raises(DaytonaGitBranchNotFoundError):
        git.checkout(unique, "topic")
    with pytest.raises(DaytonaNotFoundError):
        git.status(f"{unique}/nowhere")


def test_the_asynchronous_twin_has_git_too(sandbox: Sandbox, unique: str, remote: str) -> None:
    async def main() -> str:
        async with AsyncDaytona() as client:
            git = (await client.get(sandbox.id)).git
            await git.clone(remote, unique)
            await git.commit(unique, "First", "Ann", "ann@example.com", allow_empty=True)
            await git.push(unique)
            await git.pull(unique)
            return (await git.status(unique)).current_branch

    assert asyncio.run(main()) == "main"
