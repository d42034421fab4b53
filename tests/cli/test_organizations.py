"""Organizations are made, chosen and deleted, and commands act in the one in use."""

from __future__ import annotations

import uuid

from conftest import Program


def test_commands_act_in_the_organization_in_use(daytona: Program, sandbox: str) -> None:
    name = f"team-{uuid.uuid4().hex[:8]}"
    personal = next(found for found in daytona.data("organization", "list") if found["personal"])
    made = daytona.data("organization", "create", name, "--region", "us")
    try:
        assert (made["name"], made["defaultRegionId"]) == (name, "us")
        assert sandbox not in [found["name"] for found in daytona.data("list")["items"]]
        assert "yes" in next(line for line in daytona.text("org", "ls").splitlines() if name in line)
        assert daytona.data("organization", "use", personal["id"])["id"] == personal["id"]
        assert sandbox in [found["name"] for found in daytona.data("list")["items"]]
        assert "no organization" in daytona.error(2, "organization", "use", "nowhere")["message"]
    finally:
        assert daytona.text("organization", "delete", name) == f"{name}\n"
    assert name not in daytona.text("organization", "list")
