"""Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.

DAYTONA_API_URL=local python git_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, AsyncSandbox

# Makes a remote repository with one commit.
PREPARE = """set -e
git init --quiet --bare --initial-branch=main remote.git
git clone --quiet remote.git seed 2>/dev/null
cd seed
git checkout --quiet -B main
echo "# Demo" >README.md
git add README.md
git -c user.name=Ann -c user.email=ann@example.com commit --quiet --message "First commit"
git push --quiet origin main"""


async def clone(sandbox: AsyncSandbox) -> None:
    prepared = await sandbox.process.exec(PREPARE)
    if prepared.exit_code != 0:
        raise RuntimeError(prepared.result)
    url = f"file://{await sandbox.get_user_home_dir()}/remote.git"
    # region: clone
    # For a private repository: username="…", password="…".
    await sandbox.git.clone(url, "project", branch="main")
    # endregion


async def status_commit(sandbox: AsyncSandbox) -> None:
    # region: status-commit
    await sandbox.fs.upload_file(b"print('hello')\n", "project/main.py")
    status = await sandbox.git.status("project")
    for file in status.file_status:
        print(status.current_branch, file.path, file.status)

    await sandbox.git.add("project", ["main.py"])
    commit = await sandbox.git.commit("project", "Say hello", "Ann", "ann@example.com")
    print("committed", commit.sha[:8])
    # endregion


async def branches(sandbox: AsyncSandbox) -> None:
    # region: branches
    await sandbox.git.create_branch("project", "experiment")
    print((await sandbox.git.branches("project")).branches)

    await sandbox.git.checkout_branch("project", "main")
    await sandbox.git.delete_branch("project", "experiment", force=True)
    # endregion


async def push_pull(sandbox: AsyncSandbox) -> None:
    # region: push-pull
    await sandbox.git.push("project")
    await sandbox.git.pull("project")
    status = await sandbox.git.status("project")
    print("ahead", status.ahead, "behind", status.behind)
    # endregion


async def history(sandbox: AsyncSandbox) -> None:
    # region: history
    for commit in await sandbox.git.history("project"):
        print(commit.hash[:8], commit.author, commit.message.strip())
    # endregion


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (clone, status_commit, branches, push_pull, history):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
