"""Names, flags, short flags, aliases and defaults are those of tests/surface/cli.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Program

COMMANDS = json.loads((Path(__file__).parent.parent / "surface/cli.json").read_text(encoding="utf-8"))
PROMISED = [command for command in COMMANDS if command["status"] == "required"]


def names(command: dict[str, Any]) -> list[str]:
    return command["command"].split()


@pytest.mark.parametrize("command", PROMISED, ids=lambda command: command["command"] or "daytona")
def test_a_documented_command_has_its_flags(daytona: Program, command: dict[str, Any]) -> None:
    help_text = daytona.text(*names(command), "--help")
    # An option begins its line: `  -f, --format <FORMAT>  Text`.
    options = {
        found[2]: found for found in re.finditer(r"^ +(?:(-\w), )?(--[\w-]+)(.*(?:\n {10,}.*)*)", help_text, re.M)
    }
    for flag in command["flags"]:
        if flag.get("status") == "toCome":
            continue
        option = options.get(flag["flag"])
        assert option, f"{flag['flag']} is missing"
        if "short" in flag:
            assert option[1] == flag["short"]
        if "default" in flag:
            assert f"[default: {flag['default']}]" in option[3]
        assert ("<" in option[3].split("  ")[0]) == flag.get("value", False)


@pytest.mark.parametrize("command", [c for c in PROMISED if c["aliases"]], ids=lambda command: command["command"])
def test_a_documented_alias_is_the_same_command(daytona: Program, command: dict[str, Any]) -> None:
    *group, name = names(command)
    expected = daytona.text(*group, name, "--help")
    for alias in command["aliases"]:
        assert daytona.text(*group, alias, "--help") == expected


def test_what_is_to_come_is_not_there_yet(daytona: Program) -> None:
    """Otherwise it can be promised."""
    for command in COMMANDS:
        if command["status"] == "toCome":
            assert daytona(*names(command), "--help").returncode == 2, command["command"]
