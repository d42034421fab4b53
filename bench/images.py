"""An image of a registry becomes a snapshot: pulled and unpacked by the local engine, and by skopeo and umoci.

python bench/images.py PROGRAM

The engine is the one of `DAYTONA_API_URL=local`. It needs Debian's packages skopeo and umoci, and root, as umoci does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from daytona import CreateSnapshotParams, Daytona

ROUNDS = 3
LAYERS = 5
# Bytes of files in a layer.
LAYER = 100 * 1000 * 1000


def run(*arguments: str | Path) -> None:
    subprocess.run([str(argument) for argument in arguments], check=True, stdout=subprocess.DEVNULL)


def best(work: Callable[[int], None]) -> float:
    """Seconds of the fastest of several rounds, which are told their number."""
    took: list[float] = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        work(number)
        took.append(time.perf_counter() - begun)
    return min(took)


def make_image(work: Path) -> Path:
    """An OCI layout with files of this machine, as many bytes in each layer."""
    layout = work / "layout"
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def keep(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    # In an order that is always the same.
    files = sorted(path for path in Path("/usr/lib").rglob("*") if path.is_file() and not path.is_symlink())
    layers: list[dict[str, object]] = []
    contents: list[str] = []
    for number in range(LAYERS):
        unpacked = io.BytesIO()
        with tarfile.open(fileobj=unpacked, mode="w") as archive:
            while files and unpacked.tell() < LAYER:
                path = files.pop()
                archive.add(path, f"layer{number}{path}")
        contents.append(f"sha256:{hashlib.sha256(unpacked.getvalue()).hexdigest()}")
        layers.append(keep(gzip.compress(unpacked.getvalue()), "layer.v1.tar+gzip"))
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": contents},
    }
    manifest = {"schemaVersion": 2, "config": keep(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
    described = keep(json.dumps(manifest).encode(), "manifest.v1+json")
    index = {"schemaVersion": 2, "manifests": [described | {"annotations": {"org.opencontainers.image.ref.name": "1"}}]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def serve(work: Path) -> tuple[subprocess.Popen[str], str]:
    """A registry of images on this machine, and its address."""
    config = work / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {work / 'registry'}}}}}\nhttp:\n  addr: 127.0.0.1:0\n"
    )
    process = subprocess.Popen(
        ["target/tools/registry/usr/bin/docker-registry", "serve", config],
        env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        _, found, rest = line.partition("listening on ")
        if found:
            return process, rest.split('"')[0].split(",")[0]
    raise RuntimeError("the registry ended")


def measure(program: str, work: Path, image: str) -> None:
    def others(number: int) -> None:
        copied, bundle = work / f"copied{number}", work / f"bundle{number}"
        run("skopeo", "copy", "--src-tls-verify=false", f"docker://{image}", f"oci:{copied}:1")
        run("umoci", "unpack", "--image", f"{copied}:1", bundle)

    bare = best(others)
    for directory in [*work.glob("copied*"), *work.glob("bundle*")]:
        shutil.rmtree(directory)
    with Daytona() as daytona:

        def fresh(number: int) -> float:
            name = f"bench-{os.getpid()}-{number}"
            begun = time.perf_counter()
            daytona.snapshot.create(CreateSnapshotParams(name=name, image=image))
            took = time.perf_counter() - begun
            daytona.snapshot.delete(daytona.snapshot.get(name))
            # Else the next one finds its layers here.
            while any(snapshot.name == name for snapshot in daytona.snapshot.list().items):
                time.sleep(0.1)
            run(program, "local", "prune")
            return took

        value = min(fresh(number) for number in range(ROUNDS))
    row = {
        "subject": "images",
        "name": f"image of {LAYERS * LAYER // 1_000_000} MB pulled and unpacked; bare: skopeo and umoci",
        "value": value,
        "unit": "s",
        "target": 0.7 * bare,
        "bare": bare,
    }
    print(json.dumps(row), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        layout = make_image(work)
        registry, address = serve(work)
        try:
            image = f"{address}/bench:1"
            run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{image}")
            measure(sys.argv[1], work, image)
        finally:
            registry.terminate()


main()
