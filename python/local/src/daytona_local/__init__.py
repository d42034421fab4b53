"""The `daytona` program, which serves the local engine. The package `daytona` finds it here."""

from __future__ import annotations

from os import path

__all__ = ["PROGRAM"]

PROGRAM: str = path.join(path.dirname(path.abspath(__file__)), "daytona")
"""Path of the program."""
