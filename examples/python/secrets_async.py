"""Secrets: values that programs in a sandbox use without having them.

DAYTONA_API_URL=local python secrets_async.py
"""

from __future__ import annotations

import asyncio
import uuid

from daytona import AsyncDaytona, CreateSandboxFromSnapshotParams, CreateSecretParams, UpdateSecretParams


async def use(daytona: AsyncDaytona, name: str) -> None:
    # region: use
    await daytona.secret.create(CreateSecretParams(name=name, value="sk-...", hosts=["api.example.com"]))

    sandbox = await daytona.create(CreateSandboxFromSnapshotParams(secrets={"API_KEY": name}))
    print((await sandbox.process.exec("echo $API_KEY")).result)  # dtn_secret_...
    # The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
    # endregion
    await sandbox.delete()


async def manage(daytona: AsyncDaytona, name: str) -> None:
    sandbox = await daytona.create(CreateSandboxFromSnapshotParams(secrets={"API_KEY": name}))
    # region: manage
    for secret in (await daytona.secret.list(name=name)).items:
        print(secret.name, secret.hosts, secret.placeholder)
        await daytona.secret.update(secret.id, UpdateSecretParams(value="sk-new", hosts=["*.example.com"]))

    await sandbox.update_secrets({"OTHER_KEY": name})
    await sandbox.update_secrets({})

    for secret in (await daytona.secret.list(name=name)).items:
        await daytona.secret.delete(secret.id)
    # endregion
    await sandbox.delete()


async def main() -> None:
    async with AsyncDaytona() as daytona:
        name = f"example-{uuid.uuid4().hex}"
        for part in (use, manage):
            print(f"--- {part.__name__}", flush=True)
            await part(daytona, name)


if __name__ == "__main__":
    asyncio.run(main())
