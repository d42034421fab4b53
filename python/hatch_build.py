"""Marks the wheels as what they are: native, for one platform. What cargo built is put in its place by `make stage`."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeWheel(BuildHookInterface[Any]):
    """Options: `tag`, the wheel's Python and ABI; `built`, the native file that must be there."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Sets the wheel's tag; refuses to pack without the native file."""
        built = Path(self.root, self.config["built"])
        if not built.is_file():
            raise FileNotFoundError(f"{built} is missing: build it and put it there with `make build`")
        build_data["pure_python"] = False
        build_data["tag"] = f"{self.config['tag']}-{wheel_platform()}"


def wheel_platform() -> str:
    """The platform that release builds are made for: see scripts/cc."""
    if os.environ.get("PROFILE") == "release" and platform.system() == "Linux":
        return f"manylinux_2_17_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
