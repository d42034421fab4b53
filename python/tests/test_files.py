"""Files."""

import asyncio
import hashlib
import io
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from daytona import (
    AsyncDaytona,
    DaytonaCancelledError,
    DaytonaFileNotFoundError,
    DaytonaInvalidArgumentError,
    DownloadProgress,
    FileDownloadRequest,
    FileUpload,
    Sandbox,
    UploadProgress,
)


def test_uploads_take_every_form_of_content(sandbox: Sandbox, unique: str, tmp_path: Path) -> None:
    fs = sandbox.fs
    local = tmp_path / "local"
    local.write_bytes(b"from disk")
    fs.upload_file(b"bytes", f"{unique}/bytes")
    fs.upload_file(bytearray(b"bytearray"), f"{unique}/bytearray")
    fs.upload_file(str(local), f"{unique}/path", 60)
    fs.upload_file(local, f"{unique}/pathlike")
    fs.upload_file(local_path=local, remote_path=f"{unique}/keyword")
    fs.upload_file(io.BytesIO(b"file object"), f"{unique}/object")
    fs.upload_file_stream((piece for piece in (b"it", b"er")), f"{unique}/iterable")
    with fs.open_upload(f"{unique}/writer") as writer:
        assert writer.write(b"piece ") == 6
        writer.write(memoryview(b"by piece"))
    wanted = {
        "bytes": b"bytes",
        "bytearray": b"bytearray",
        "path": b"from disk",
        "pathlike": b"from disk",
        "keyword": b"from disk",
        "object": b"file object",
        "iterable": b"iter",
        "writer": b"piece by piece",
    }
    for name, content in wanted.items():
        assert fs.download_file(f"{unique}/{name}") == content


def test_downloads_have_every_form(sandbox: Sandbox, unique: str, tmp_path: Path) -> None:
    fs = sandbox.fs
    fs.upload_file(b"content", unique)
    assert fs.download_file(unique, 30) == b"content"
    assert fs.download_file(unique, timeout=30) == b"content"
    fs.download_file(unique, tmp_path / "a")
    fs.download_file(unique, str(tmp_path / "b"), 30)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"content"
    assert b"".join(fs.download_file_stream(unique)) == b"content"
    with fs.open_download(unique) as reader:
        assert reader.size == 7
        assert (reader.read(3), reader.read(0), reader.read(), reader.read()) == (b"con", b"", b"tent", b"")
    with fs.open_download(unique) as reader, (tmp_path / "c").open("wb") as file:
        shutil.copyfileobj(reader, file)
    assert (tmp_path / "c").read_bytes() == b"content"


def test_a_large_file_survives_both_ways_in_pieces(sandbox: Sandbox, unique: str) -> None:
    content = hashlib.sha256(unique.encode()).digest() * 400_000
    sent: list[int] = []
    sandbox.fs.upload_file_stream(
        io.BytesIO(content), unique, on_progress=lambda progress: sent.append(progress.bytes_sent)
    )
    assert sent[-1] == len(content)
    assert len(sent) > 1
    progress: list[DownloadProgress] = []
    pieces = list(sandbox.fs.download_file_stream(unique, on_progress=progress.append))
    assert b"".join(pieces) == content
    assert len(pieces) > 1
    assert progress[-1] == DownloadProgress(len(content), len(content))


def test_many_files_travel_in_one_request(sandbox: Sandbox, unique: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("on disk")
    sandbox.fs.upload_files(
        [FileUpload(b"in memory", f"{unique}/a"), FileUpload(str(tmp_path / "in"), destination=f"{unique}/b")]
    )
    responses = sandbox.fs.download_files(
        [
            FileDownloadRequest(f"{unique}/a"),
            FileDownloadRequest(f"{unique}/b", str(tmp_path / "out")),
            FileDownloadRequest(f"{unique}/c"),
        ]
    )
    assert [response.result for response in responses] == [b"in memory", str(tmp_path / "out"), None]
    assert (tmp_path / "out").read_text() == "on disk"
    assert responses[2].error
    assert responses[0].error is None


def test_a_download_piped_into_tar(sandbox: Sandbox, unique: str) -> None:
    sandbox.process.exec(
        f"mkdir -p /tmp/{unique}; echo hello >/tmp/{unique}/f; tar -C /tmp -cf /tmp/{unique}.tar {unique}"
    )
    with sandbox.fs.open_download(f"/tmp/{unique}.tar") as reader, tarfile.open(fileobj=reader, mode="r|") as tar:
        members = [member.name for member in tar]
    assert members == [unique, f"{unique}/f"]


def test_transfers_stop_when_their_event_is_set(sandbox: Sandbox, unique: str) -> None:
    event = threading.Event()

    def stop(progress: UploadProgress) -> None:
        event.set()

    with pytest.raises(DaytonaCancelledError):
        sandbox.fs.upload_file_stream([b"a", b"b"], unique, on_progress=stop, cancel_event=event)
    with pytest.raises(DaytonaFileNotFoundError):
        sandbox.fs.download_file(unique)
    sandbox.fs.upload_file(b"x", unique)
    with pytest.raises(DaytonaCancelledError):
        list(sandbox.fs.download_file_stream(unique, cancel_event=event))


def test_an_upload_left_by_an_exception_stores_nothing(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(KeyError), sandbox.fs.open_upload(unique) as writer:
        writer.write(b"half")
        raise KeyError
    with pytest.raises(DaytonaFileNotFoundError):
        sandbox.fs.download_file(unique)


def test_an_upload_of_nothing_is_refused_before_any_request(sandbox: Sandbox, unique: str) -> None:
    with pytest.raises(DaytonaInvalidArgumentError):
        sandbox.fs.upload_file("/no/such/file", unique)
    with pytest.raises(DaytonaInvalidArgumentError):
        sandbox.fs.upload_file(None, unique)  # type: ignore[call-overload]


def test_the_asynchronous_forms(sandbox: Sandbox, unique: str, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"from disk")

    async def main() -> None:
        async with AsyncDaytona() as client:
            fs = (await client.get(sandbox.id)).fs

            async def pieces():
                yield b"asynchronous "
                yield b"pieces"

            await fs.upload_file_stream(pieces(), f"{unique}/pieces")
            await fs.upload_file_stream(tmp_path / "local", f"{unique}/local")
            assert await fs.download_file(f"{unique}/pieces") == b"asynchronous pieces"
            assert b"".join([piece async for piece in fs.download_file_stream(f"{unique}/local")]) == b"from disk"
            async with fs.open_download(f"{unique}/pieces") as reader:
                assert await reader.read(5) == b"async"
                assert await reader.read() == b"hronous pieces"
            async with fs.open_upload(f"{unique}/writer") as writer:
                await writer.write(b"written")
            assert await fs.download_file(f"{unique}/writer") == b"written"

    asyncio.run(main())
