"""The first program: a sandbox, a command, its output.

DAYTONA_API_URL=local python first_async.py
"""

# region: first
import asyncio

from daytona import AsyncDaytona


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        print((await sandbox.process.exec("echo hello")).result)


asyncio.run(main())
# endregion
