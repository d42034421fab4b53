"""Mistakes that people make, and what they are told: the list is tests/mistakes/mistakes.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daytona import Daytona, DaytonaConfig, DaytonaError, PtySize, Sandbox
from daytona.generated.errors import KINDS

ROOT = Path(__file__).parents[2]
LIST = json.loads((ROOT / "tests/mistakes/mistakes.json").read_text())
TEXTS = ROOT / "target/mistakes/python.json"


class Mistakes:
    """The mistakes by id, each of them a call."""

    def __init__(self, daytona: Daytona, sandbox: Sandbox, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.daytona = daytona
        self.sandbox = sandbox
        self.monkeypatch = monkeypatch
        self.values = {"name": unique, "id": sandbox.id}

    def call(self, id: str) -> Any:
        getattr(self, id.replace("-", "_"))()

    def no_credentials(self) -> None:
        for name in ("DAYTONA_API_KEY", "DAYTONA_JWT_TOKEN", "DAYTONA_API_URL"):
            self.monkeypatch.delenv(name, raising=False)
        Daytona()

    def url_without_scheme(self) -> None:
        Daytona(DaytonaConfig(api_key="key", api_url="localhost:3000"))

    def nobody_listens(self) -> None:
        Daytona(DaytonaConfig(api_key="key", api_url="http://127.0.0.1:9")).get("anything")

    def wrong_key(self) -> None:
        url = self.sandbox.toolbox_proxy_url.split("/toolbox")[0] + "/api"
        Daytona(DaytonaConfig(api_key="wrong-key", api_url=url)).get("anything")

    def unknown_sandbox(self) -> None:
        self.daytona.get("no-such-sandbox")

    def empty_id(self) -> None:
        self.daytona.get("")

    def name_taken(self) -> None:
        with self.daytona.create(name=self.values["name"]):
            self.daytona.create(name=self.values["name"])

    def deleted_sandbox(self) -> None:
        with self.daytona.create() as sandbox:
            self.values["id"] = sandbox.id
            self.daytona.get(sandbox.id).delete(wait=True)
            sandbox.process.exec("true")

    def stopped_sandbox(self) -> None:
        with self.daytona.create() as sandbox:
            self.values["id"] = sandbox.id
            sandbox.stop()
            sandbox.process.exec("true")

    def command_is_a_number(self) -> None:
        command: Any = 5
        self.sandbox.process.exec(command)

    def empty_command(self) -> None:
        self.sandbox.process.exec("")

    def negative_timeout(self) -> None:
        self.sandbox.process.exec("true", timeout=-1)

    def command_too_long(self) -> None:
        self.sandbox.process.exec("sleep 60", timeout=1)

    def unknown_option(self) -> None:
        options: Any = {"nmae": "x"}
        self.daytona.create(**options)

    def params_as_text(self) -> None:
        params: Any = "python"
        self.daytona.create(params)

    def missing_remote_file(self) -> None:
        self.sandbox.fs.download_file("/nowhere/file.txt")

    def missing_local_file(self) -> None:
        self.sandbox.fs.upload_file("/nowhere/local.txt", "x")

    def unknown_session(self) -> None:
        self.sandbox.process.execute_session_command("no-such-session", {"command": "true"})

    def session_taken(self) -> None:
        self.sandbox.process.create_session(self.values["name"])
        self.sandbox.process.create_session(self.values["name"])

    def unknown_command(self) -> None:
        self.sandbox.process.create_session(self.values["name"])
        self.sandbox.process.get_session_command_logs(self.values["name"], "no-such-command")

    def bad_regular_expression(self) -> None:
        self.sandbox.process.create_session(self.values["name"])
        command = self.sandbox.process.execute_session_command(self.values["name"], {"command": "true"})
        self.sandbox.process.wait_for_log(self.values["name"], command.cmd_id, "(", regex=True)

    def unknown_signal(self) -> None:
        with self.sandbox.process.spawn("sleep 1000") as process:
            process.send_signal("SIGNOPE")

    def bad_variable(self) -> None:
        self.sandbox.process.spawn("true", env={"A=B": "x"})

    def no_repository(self) -> None:
        self.sandbox.fs.create_folder(f"/tmp/{self.values['name']}", "755")
        self.sandbox.git.status(f"/tmp/{self.values['name']}")

    def no_terminal_size(self) -> None:
        self.sandbox.process.create_pty_session(self.values["name"], pty_size=PtySize(rows=0, cols=80))

    def closed_client(self) -> None:
        client = Daytona()
        client.close()
        client.get("anything")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("mistake", LIST["mistakes"], ids=lambda mistake: mistake["id"])
def test_a_mistake_is_named(
    mistake: dict[str, Any],
    texts: dict[str, str],
    daytona: Daytona,
    sandbox: Sandbox,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    mistakes = Mistakes(daytona, sandbox, unique, monkeypatch)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DaytonaError) as caught:
        mistakes.call(mistake["id"])
    text = str(caught.value)
    texts[mistake["id"]] = f"{caught.value.kind}: {text}"
    TEXTS.parent.mkdir(parents=True, exist_ok=True)
    TEXTS.write_text(json.dumps(texts, indent=1, ensure_ascii=False) + "\n")
    assert isinstance(caught.value, KINDS[mistake["kind"]]), text
    for words in mistake["says"]:
        assert words.format(**mistakes.values) in text
    for words in [*mistake.get("saysNot", []), *LIST["never"]]:
        assert words not in text
