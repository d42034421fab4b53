"""Writes an archive of one image, as `ctr images import` reads it, from tar files that are its layers."""

import argparse
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the file to write")
    parser.add_argument("name", help="name and tag of the image")
    parser.add_argument("layers", type=Path, nargs="+", help="tar files, the lowest first")
    parser.add_argument("--entrypoint", nargs="+", default=[])
    parser.add_argument("--env", nargs="*", default=[PATH])
    arguments = parser.parse_args()
    layers = [path.read_bytes() for path in arguments.layers]
    layers = [gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer for layer in layers]
    digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": arguments.entrypoint, "Env": arguments.env},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    files = [f"{digest}.tar" for digest in digests]
    manifest = [{"Config": config_name, "RepoTags": [arguments.name], "Layers": files}]
    contents = {config_name: config, "manifest.json": json.dumps(manifest).encode()}
    contents |= dict(zip(files, layers, strict=True))
    with tarfile.open(arguments.archive, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    main()
