"""Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.

DAYTONA_API_URL=local python git.py
"""

from __future__ import annotations

from daytona import Daytona, Sandbox

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


def clone(sandbox: Sandbox) -> None:
    prepared = sandbox.process.exec(PREPARE)
    if prepared.exit_code != 0:
        raise RuntimeError(prepared.result)
    url = f"file://{sandbox.get_user_home_dir()}/remote.git"
    # region: clone
    # For a private repository: username="…", password="…".
    sandbox.git.clone(url, "project", branch="main")
    # endregion


def status_commit(sandbox: Sandbox) -> None:
    # region: status-commit
    sandbox.fs.upload_file(b"print('hello')\n", "project/main.py")
    status = sandbox.git.status("project")
    for file in status.file_status:
        print(status.current_branch, file.path, file.status)

    sandbox.git.add("project", ["main.py"])
    commit = sandbox.git.commit("project", "Say hello", "Ann", "ann@example.com")
    print("committed", commit.sha[:8])
    # endregion


def branches(sandbox: Sandbox) -> None:
    # region: branches
    sandbox.git.create_branch("project", "experiment")
    print(sandbox.git.branches("project").branches)

    sandbox.git.checkout_branch("project", "main")
    sandbox.git.delete_branch("project", "experiment", force=True)
    # endregion


def push_pull(sandbox: Sandbox) -> None:
    # region: push-pull
    sandbox.git.push("project")
    sandbox.git.pull("project")
    status = sandbox.git.status("project")
    print("ahead", status.ahead, "behind", status.behind)
    # endregion


def history(sandbox: Sandbox) -> None:
    # region: history
    for commit in sandbox.git.history("project"):
        print(commit.hash[:8], commit.author, commit.message.strip())
    # endregion


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (clone, status_commit, branches, push_pull, history):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
