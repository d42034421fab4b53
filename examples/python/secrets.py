"""Secrets: values that programs in a sandbox use without having them.

DAYTONA_API_URL=local python secrets.py
"""

from __future__ import annotations

import uuid

from daytona import CreateSandboxFromSnapshotParams, CreateSecretParams, Daytona, UpdateSecretParams


def use(daytona: Daytona, name: str) -> None:
    # region: use
    daytona.secret.create(CreateSecretParams(name=name, value="sk-...", hosts=["api.example.com"]))

    sandbox = daytona.create(CreateSandboxFromSnapshotParams(secrets={"API_KEY": name}))
    print(sandbox.process.exec("echo $API_KEY").result)  # dtn_secret_...
    # The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
    # endregion
    sandbox.delete()


def manage(daytona: Daytona, name: str) -> None:
    sandbox = daytona.create(CreateSandboxFromSnapshotParams(secrets={"API_KEY": name}))
    # region: manage
    for secret in daytona.secret.list(name=name).items:
        print(secret.name, secret.hosts, secret.placeholder)
        daytona.secret.update(secret.id, UpdateSecretParams(value="sk-new", hosts=["*.example.com"]))

    sandbox.update_secrets({"OTHER_KEY": name})
    sandbox.update_secrets({})

    for secret in daytona.secret.list(name=name).items:
        daytona.secret.delete(secret.id)
    # endregion
    sandbox.delete()


def main() -> None:
    with Daytona() as daytona:
        name = f"example-{uuid.uuid4().hex}"
        for part in (use, manage):
            print(f"--- {part.__name__}", flush=True)
            part(daytona, name)


if __name__ == "__main__":
    main()
