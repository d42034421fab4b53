"""The network: what a sandbox may reach, what it tried, and the lists a program needs.

DAYTONA_API_URL=local python network_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, AsyncSandbox


async def learn(sandbox: AsyncSandbox) -> None:
    # region: learn
    await sandbox.process.exec("curl --silent --max-time 10 --output page https://example.com/")

    log = await sandbox.network.log()
    for attempt in log.entries:
        outcome = "allowed" if attempt.allowed else "refused"
        print(attempt.protocol, attempt.name or attempt.address, outcome, attempt.rule)

    await sandbox.update_network_settings(
        domain_allow_list=log.domain_allow_list, network_allow_list=log.network_allow_list
    )
    # endregion


async def limits(sandbox: AsyncSandbox) -> None:
    # region: limits
    await sandbox.update_network_settings(domain_allow_list="pypi.org,*.pythonhosted.org")
    print("reaches only", sandbox.domain_allow_list)

    await sandbox.update_network_settings(network_block_all=True)
    # endregion
    print((await sandbox.process.exec("getent hosts pypi.org || echo unresolved")).result)


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (learn, limits):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
