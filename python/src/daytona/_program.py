"""Runs the packaged `daytona` program."""

from __future__ import annotations

import os
import sys

from ._config import packaged_program


def main() -> None:
    """Replaces this process with the program."""
    program = packaged_program()
    if program is None:
        sys.exit("daytona: this package was built without the `daytona` program")
    os.execv(program, [program, *sys.argv[1:]])
