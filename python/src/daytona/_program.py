"""Runs the `daytona` program, which is a package of its own."""

from __future__ import annotations

import os
import sys

from ._config import packaged_program


def main() -> None:
    """Replaces this process with the program."""
    program = packaged_program()
    if program is None:
        sys.exit("daytona: the program is not installed. Install it with: pip install 'daytona[local]'")
    os.execv(program, [program, *sys.argv[1:]])
