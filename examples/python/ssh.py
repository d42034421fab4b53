"""Access to a sandbox by SSH.

DAYTONA_API_URL=local python ssh.py
"""

from __future__ import annotations

from daytona import Daytona, Sandbox


def access(sandbox: Sandbox) -> None:
    # region: access
    access = sandbox.create_ssh_access(expires_in_minutes=30)
    print(access.ssh_command)  # ssh -p 34571 f38kj4…@127.0.0.1
    # endregion


def revoke(sandbox: Sandbox) -> None:
    access = sandbox.create_ssh_access()
    # region: revoke
    print(sandbox.validate_ssh_access(access.token).valid)
    sandbox.revoke_ssh_access(access.token)  # Without the token: whatever access there is.
    # endregion
    print(sandbox.validate_ssh_access(access.token).valid)


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (access, revoke):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
