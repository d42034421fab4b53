"""Access to a sandbox by SSH.

DAYTONA_API_URL=local python ssh_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, AsyncSandbox


async def access(sandbox: AsyncSandbox) -> None:
    # region: access
    access = await sandbox.create_ssh_access(expires_in_minutes=30)
    print(access.ssh_command)  # ssh -p 34571 f38kj4…@127.0.0.1
    # endregion


async def revoke(sandbox: AsyncSandbox) -> None:
    access = await sandbox.create_ssh_access()
    # region: revoke
    print((await sandbox.validate_ssh_access(access.token)).valid)
    await sandbox.revoke_ssh_access(access.token)  # Without the token: whatever access there is.
    # endregion
    print((await sandbox.validate_ssh_access(access.token)).valid)


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (access, revoke):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
