"""Images of this machine become snapshots: on the local engine, and through the registry of a server that has one."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import Program


@pytest.fixture
def layout(daytona: Program, tmp_path: Path) -> Iterator[Path]:
    """The OCI layout of an image, as a tar."""
    name = f"cli-{uuid.uuid4().hex[:12]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nWORKDIR /{name}\n")
    daytona.text("snapshot", "create", name, "-f", str(tmp_path / "Dockerfile"))
    daytona.text("snapshot", "export", name, str(tmp_path / "image.tar"))
    yield tmp_path / "image.tar"
    daytona.text("snapshot", "delete", name)


def test_an_image_is_pushed_to_the_local_engine(daytona: Program, layout: Path, tmp_path: Path) -> None:
    with tarfile.open(layout) as archive:
        archive.extractall(tmp_path / "layout")
    names = [f"cli-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    for name, source in zip(names, (layout, tmp_path / "layout"), strict=True):
        made = daytona.data("snapshot", "push", str(source), "--name", name, "--cpu", "1", "--memory", "2048")
        assert (made["name"], made["state"], made["cpu"], made["mem"]) == (name, "active", 1, 2)
    assert daytona.error(5, "snapshot", "push", str(layout), "-n", names[0])["kind"] == "Conflict"
    assert "ENTRYPOINT" in daytona.error(2, "snapshot", "push", str(layout), "-n", "x", "-e", "sh")["message"]
    assert "does not exist" in daytona.error(2, "snapshot", "push", "./nothing.tar", "-n", "x")["message"]
    assert "index.json" in daytona.error(2, "snapshot", "push", str(tmp_path), "-n", "x")["message"]
    daytona.error(2, "snapshot", "push", str(layout))
    daytona.text("snapshot", "delete", *names)


class Cloud(BaseHTTPRequestHandler):
    """An API whose registry takes images, as far as a push needs it."""

    protocol_version = "HTTP/1.1"
    blobs: ClassVar[dict[str, bytes]] = {}
    manifests: ClassVar[dict[str, Any]] = {}
    uploads: ClassVar[dict[str, bytes]] = {}
    made: ClassVar[list[Any]] = []

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: object = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def handle_any(self) -> None:
        content, url = self.content(), urlsplit(self.path)
        host = f"127.0.0.1:{self.server.server_address[1]}"
        if url.path.startswith("/v2/"):
            expected = "Basic " + base64.b64encode(b"robot:sesame").decode()
            if self.headers.get("Authorization") != expected:
                return self.answer(401, {}, WWW_Authenticate='Basic realm="registry"')
            return self.registry(url.path, parse_qs(url.query), content)
        if url.path == "/api/docker-registry/registry-push-access":
            access = {"username": "robot", "secret": "sesame", "registryUrl": f"http://{host}", "project": "team"}
            return self.answer(200, access | {"registryId": "r", "expiresAt": "2100-01-01T00:00:00Z"})
        if self.command == "POST" and url.path == "/api/snapshots":
            self.made.append(json.loads(content))
        if url.path.startswith("/api/snapshots") and self.made:
            asked = self.made[-1]
            known = {"id": "one", "name": asked["name"], "imageName": asked["imageName"], "state": "active"}
            return self.answer(200, known)
        return self.answer(404, {"message": "nothing here"})

    def registry(self, path: str, query: dict[str, list[str]], content: bytes) -> None:
        _, _, rest = path.partition("/v2/")
        if not rest:
            return self.answer(200)
        repository, _, last = rest.rpartition("/")
        if "/blobs/uploads" in path:
            upload = last or uuid.uuid4().hex
            received = self.uploads[upload] = self.uploads.get(upload, b"") + content
            repository = rest.partition("/blobs/")[0]
            if self.command == "PUT":
                (digest,) = query["digest"]
                assert digest == "sha256:" + hashlib.sha256(received).hexdigest()
                self.blobs[digest] = self.uploads.pop(upload)
                return self.answer(201, Docker_Content_Digest=digest)
            location = f"/v2/{repository}/blobs/uploads/{upload}"
            return self.answer(202, Location=location, Range=f"0-{max(len(received) - 1, 0)}")
        if "/blobs/" in path:
            blob = self.blobs.get(last)
            return self.answer(404, {}) if blob is None else self.answer(200, blob)
        if self.command == "PUT":
            self.manifests[rest.replace("/manifests/", ":")] = json.loads(content)
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            return self.answer(201, Docker_Content_Digest=digest)
        return self.answer(404, {})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_any


def test_an_image_is_pushed_through_the_registry_of_a_server(daytona: Program, layout: Path, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    there = {"DAYTONA_API_URL": f"http://{host}/api", "DAYTONA_API_KEY": "key", "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    push = ("snapshot", "push", str(layout), "--name", "My App", "--entrypoint", "sleep 9", "--disk", "5", "--json")
    done = daytona(*push, environment=there)
    server.shutdown()
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["state"] == "active"
    ((reference, manifest),) = Cloud.manifests.items()
    assert reference.startswith("team/my-app:")
    assert all(layer["digest"] in Cloud.blobs for layer in [manifest["config"], *manifest["layers"]])
    (made,) = Cloud.made
    assert (made["name"], made["imageName"]) == ("My App", f"{host}/{reference}")
    assert (made["entrypoint"], made["disk"]) == (["sleep", "9"], 5)
    # Nothing of the login is left.
    assert b"sesame" not in done.stderr and list((tmp_path / "tmp").iterdir()) == []
