"""The client: sandboxes as a whole."""

import asyncio

import pytest

import daytona as package
from daytona import (
    AsyncDaytona,
    CreateSandboxFromSnapshotParams,
    Daytona,
    DaytonaClosedError,
    DaytonaConfig,
    DaytonaInvalidArgumentError,
    DaytonaNotFoundError,
    ListSandboxesQuery,
    SandboxState,
)


def test_create_takes_a_parameters_object_or_its_fields(daytona: Daytona, unique: str) -> None:
    labels = {"test": unique}
    with daytona.create(CreateSandboxFromSnapshotParams(name=f"{unique}-a", labels=labels, env_vars={"A": "1"})) as a:
        assert (a.name, a.labels["test"], a.state) == (f"{unique}-a", unique, SandboxState.STARTED)
        assert a.process.exec("echo $A").result == "1\n"
        with daytona.create(name=f"{unique}-b", labels=labels, env={"A": "2"}, language="javascript") as b:
            assert b.process.exec("echo $A").result == "2\n"
            both = {a.id, b.id}
            assert {found.id for found in daytona.list(labels)} == both
            assert {found.id for found in daytona.list(ListSandboxesQuery(labels=labels, limit=1))} == both
            page = daytona.list(labels=labels, page=1, limit=1)
            assert (len(page.items), page.total, page.page, page.total_pages) == (1, 2, 1, 2)
            assert {found.id for found in page} == both
            assert daytona.find_one(labels=labels).id in both
            assert daytona.find_one(id_or_name=f"{unique}-b").id == b.id


def test_a_client_becomes_asynchronous_with_all_its_services() -> None:
    async def volumes() -> list[str]:
        async with Daytona() as daytona:
            assert daytona.snapshot is not None
            return [volume.name for volume in await daytona.volume.list()]

    assert asyncio.run(volumes()) is not None


def test_create_refuses_both_forms_at_once(daytona: Daytona) -> None:
    with pytest.raises(DaytonaInvalidArgumentError):
        daytona.create(CreateSandboxFromSnapshotParams(), name="x")


def test_a_sandbox_goes_through_its_life(daytona: Daytona, unique: str) -> None:
    sandbox = daytona.create(name=unique)
    try:
        daytona.stop(sandbox)
        assert sandbox.state == "stopped"
        sandbox.start()
        assert sandbox.state == SandboxState.STARTED
        sandbox.set_labels({"a": "b"})
        sandbox.set_autostop_interval(7)
        sandbox.set_auto_delete_interval(30)
        fresh = daytona.get(unique)
        assert (fresh.labels, fresh.auto_stop_interval, fresh.auto_delete_interval) == ({"a": "b"}, 7, 30)
        whole = [fresh.cpu, fresh.gpu, fresh.memory, fresh.disk, fresh.auto_stop_interval, fresh.auto_delete_interval]
        assert {type(number) for number in whole} == {int}
        assert sandbox.get_preview_link(8080).url.startswith("http")
    finally:
        daytona.delete(sandbox, wait=True)
    with pytest.raises(DaytonaNotFoundError):
        daytona.get(unique)


def test_a_sandbox_deleted_inside_its_block_is_not_missed(daytona: Daytona) -> None:
    with daytona.create() as sandbox:
        daytona.get(sandbox.id).delete(wait=True)
    with daytona.create() as sandbox:
        sandbox.delete()


def test_a_closed_client_refuses_to_work() -> None:
    with Daytona() as client:
        pass
    with pytest.raises(DaytonaClosedError):
        client.get("anything")


def test_the_synchronous_client_opens_as_an_asynchronous_one() -> None:
    async def main() -> None:
        async with Daytona(DaytonaConfig()) as client:
            assert isinstance(client, AsyncDaytona)
            with pytest.raises(DaytonaNotFoundError):
                await client.get("nobody")

    asyncio.run(main())


def test_the_asynchronous_client_lists_pages_and_all(unique: str) -> None:
    labels = {"test": unique}

    async def main() -> None:
        async with (
            AsyncDaytona() as client,
            await client.create(labels=labels) as a,
            await client.create(labels=labels) as b,
        ):
            both = {a.id, b.id}
            page = await client.list(labels, 1, 10)
            assert (page.total, {found.id for found in page.items}) == (2, both)
            # Those of other tests come and go, and only a list by cursor is not disturbed by that.
            assert both <= {found.id async for found in client.list()}
            assert {found.id async for found in client.list(labels, page=1, limit=1)} == both

    asyncio.run(main())


def test_every_exported_name_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError):
        _ = package.NoSuchThing
