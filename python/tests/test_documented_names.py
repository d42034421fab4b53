"""Names that programs import, whether what they name is there yet or not."""

import asyncio
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import daytona as package
from daytona import (
    AsyncDaytona,
    AsyncObjectStorage,
    AsyncSandbox,
    CreateSnapshotParams,
    Daytona,
    DaytonaError,
    DaytonaFileNotFoundError,
    DaytonaInvalidArgumentError,
    DaytonaNotImplementedError,
    ListSandboxesQuery,
    ObjectStorage,
    Sandbox,
    SandboxListSortField,
)

SURFACE = json.loads((Path(__file__).parents[2] / "tests/surface/python.json").read_text())


@pytest.mark.parametrize("module", SURFACE["modules"])
def test_modules_have_the_names_programs_import(module: str) -> None:
    for name in SURFACE["modules"][module]:
        own, _, ours = name.partition("=")
        assert getattr(import_module(module), own) is getattr(package, ours or own)


def test_the_former_name_of_the_package_has_the_same_classes() -> None:
    from daytona_sdk import Daytona as Former
    from daytona_sdk import Image
    from daytona_sdk._async.sandbox import AsyncSandbox as FormerSandbox
    from daytona_sdk.common.errors import DaytonaError as FormerError

    assert (Former, FormerSandbox, FormerError) == (Daytona, AsyncSandbox, DaytonaError)
    assert Image is import_module("daytona.common.image").Image


def test_models_are_found_in_modules_of_their_own() -> None:
    from daytona_api_client import SandboxVolume
    from daytona_api_client.models.sandbox_state import SandboxState
    from daytona_api_client_async.models.sandbox_state import SandboxState as AsyncState
    from daytona_toolbox_api_client_async.models.pty_session_info import PtySessionInfo

    assert SandboxState is AsyncState is package.SandboxState
    assert SandboxVolume is package.VolumeMount
    assert PtySessionInfo is package.PtySessionInfo


def test_importing_the_package_loads_none_of_what_may_not_be_used() -> None:
    program = "import sys, daytona; from daytona.common.errors import DaytonaError; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "daytona.common.errors" in loaded
    for module in ("asyncio", "daytona.generated.to_come", "daytona.common.process", "daytona._async", "logging"):
        assert module not in loaded


def test_what_is_not_there_yet_can_be_imported_and_says_so_when_it_is_used(sandbox: Sandbox) -> None:
    from daytona._to_come import ToCome

    class Later(metaclass=ToCome):
        """Not there yet."""

    assert not isinstance(sandbox, Later)
    uses = {"Later": lambda: Later(), "Later.upload": lambda: Later.upload("file")}
    for name, use in uses.items():
        with pytest.raises(DaytonaNotImplementedError, match=rf"{name} is documented, but not there yet") as caught:
            use()
        assert isinstance(caught.value, AttributeError)
    with pytest.raises(AttributeError, match="'Sandbox' object has no attribute 'nonsense'"):
        _ = sandbox.nonsense  # type: ignore[attr-defined]


def test_contexts_are_uploaded_by_hand(daytona: Daytona, unique: str, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text(unique)
    access = daytona.snapshot.push_access()
    keys = (access.storage_url, access.access_key, access.secret, access.session_token)
    storage = ObjectStorage(*keys, bucket_name=access.bucket)
    digest = storage.upload(str(file), access.organization_id, "file.txt")

    async def main() -> None:
        again = AsyncObjectStorage(*keys)
        assert await again.upload(str(file), access.organization_id, "file.txt") == digest
        with pytest.raises(DaytonaError):
            await again.upload(str(file), "another")

    asyncio.run(main())
    assert storage.bucket_name == access.bucket and access.secret not in f"{storage!r} {access!r}"
    with pytest.raises(DaytonaInvalidArgumentError):
        storage.upload(str(tmp_path / "none"), access.organization_id)
    dockerfile = "FROM scratch\nCOPY file.txt /\n"
    params = CreateSnapshotParams(name=f"by-hand-{unique}", dockerfile=dockerfile, context_hashes=[digest])
    made = daytona.snapshot.create(params)
    daytona.snapshot.delete(made)


def test_create_takes_a_function_for_build_logs(daytona: Daytona) -> None:
    async def main() -> None:
        async with AsyncDaytona() as client, await client.create(on_snapshot_create_logs=print):
            pass

    with daytona.create(None, timeout=60, on_snapshot_create_logs=print):
        pass
    asyncio.run(main())


def test_sort_fields_have_their_documented_names(daytona: Daytona, sandbox: Sandbox) -> None:
    fields = [SandboxListSortField.CREATEDAT, SandboxListSortField.MEMORYGIB, SandboxListSortField.LASTACTIVITYAT]
    for field in fields:
        assert sandbox.id in {found.id for found in daytona.list(ListSandboxesQuery(id=sandbox.id, sort=field))}


def test_streamed_downloads_are_awaited_or_not(sandbox: Sandbox, unique: str) -> None:
    sandbox.fs.upload_file(b"content", unique)
    assert b"".join(sandbox.fs.download_file_stream(unique)) == b"content"

    async def main() -> None:
        async with AsyncDaytona() as client:
            fs = (await client.get(sandbox.id)).fs
            assert b"".join([piece async for piece in fs.download_file_stream(unique)]) == b"content"
            assert b"".join([piece async for piece in await fs.download_file_stream(unique)]) == b"content"
            with pytest.raises(DaytonaFileNotFoundError):
                await fs.download_file_stream(f"{unique}-absent")

    asyncio.run(main())
