"""The program itself: forms of results, errors, profiles, completions, terminals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import stat
import struct
import subprocess
import termios
import uuid
from pathlib import Path

import pytest

from conftest import LIMIT, Program


def in_terminal(daytona: Program, *arguments: str, columns: int = 80, environment: dict[str, str] | None = None) -> str:
    """What it shows on a terminal of its own, until it ends."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [daytona.path, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env=daytona.environment | {"TERM": "xterm-256color"} | (environment or {}),
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(controller, 4096):
            shown += piece
    except OSError:
        pass  # The other side is closed.
    os.close(controller)
    process.wait(LIMIT)
    return shown.decode()


def test_tables_fit_the_terminal(daytona: Program, sandbox: str) -> None:
    lines = in_terminal(daytona, "list", columns=60, environment={"NO_COLOR": "1"}).splitlines()
    assert max(map(len, lines)) <= 60
    narrow = in_terminal(daytona, "list", columns=20).splitlines()
    assert any(line.split() == ["NAME", sandbox] for line in narrow), narrow
    # Elsewhere a row is one line.
    assert any(line.startswith(sandbox) and "GiB disk" in line for line in daytona.text("list").splitlines())


def test_colours_are_for_terminals_that_want_them(daytona: Program, sandbox: str) -> None:
    assert "\x1b[1m" in in_terminal(daytona, "list")
    assert "\x1b" not in in_terminal(daytona, "list", environment={"NO_COLOR": "1"})
    assert "\x1b" not in daytona.text("list")


def test_nothing_is_asked_without_a_terminal(daytona: Program, sandbox: str) -> None:
    error = daytona.error(2, "delete", "--all", "--label", "made-by=cli-tests")
    assert "--yes" in error["message"]
    assert daytona.data("info", sandbox)["state"] == "started"


def test_a_wrong_command_line_is_data_too(daytona: Program) -> None:
    assert "--nonsense" in daytona.error(2, "list", "--nonsense")["message"]
    done = daytona("nonsense")
    assert (done.returncode, done.stdout) == (2, b"")
    assert daytona("create", "--env", "SECRET").returncode == 2
    assert "inf" in daytona.error(2, "exec", "--timeout", "inf", "box", "--", "true")["message"]
    assert b"SECRET" not in daytona("create", "--env", "SECRET").stderr


def test_yaml_says_what_json_says(daytona: Program, sandbox: str) -> None:
    text = daytona.text("info", sandbox, "-f", "yaml")
    read = ["ruby", "-ryaml", "-rjson", "-e", "puts JSON.generate(YAML.load(STDIN.read))"]
    value = json.loads(subprocess.run(read, input=text.encode(), capture_output=True, check=True).stdout)
    expected = daytona.data("info", sandbox)
    for volatile in ("lastActivityAt", "updatedAt"):
        value.pop(volatile, None), expected.pop(volatile, None)
    assert value == expected


def test_profiles_are_kept_for_their_owner_only(daytona: Program, tmp_path: Path) -> None:
    nowhere = {"DAYTONA_API_URL": "", "DAYTONA_API_KEY": ""}
    done = daytona("list", environment=nowhere)
    assert done.returncode == 3
    assert b"daytona login" in done.stderr
    done = daytona("login", "--no-check", "--json", stdin=b"sesame\n", environment=nowhere)
    assert json.loads(done.stdout) == {"profile": "default"}
    file = tmp_path / "configuration/profiles.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["profiles"]["default"]["apiKey"] == "sesame"
    daytona("login", "--api-url", "local", "--profile", "here", environment=nowhere)
    assert daytona("list", environment=nowhere).returncode == 0
    assert daytona.data("profile", "default") == {"active": "default", "profiles": ["default", "here"]}
    assert daytona("list", "--profile", "here", environment=nowhere).returncode == 0
    assert daytona.data("logout") == {"profile": "default", "loggedOut": True}
    # A refused key is not remembered.
    url = json.loads((Path(os.environ["DAYTONA_LOCAL_STATE_DIR"]) / "engine.json").read_text())["apiUrl"]
    done = daytona("login", "--api-key", "wrong", "--api-url", url, "--profile", "refused", environment=nowhere)
    assert done.returncode == 3
    assert b"wrong" not in done.stderr
    assert daytona.data("profile")["profiles"] == ["here"]


KEYRING = """
printf password | gnome-keyring-daemon --unlock --components=secrets >"$HOME/keyring" 2>&1
printf sesame | "$DAYTONA" login --no-check --keyring --profile kept
cat "$DAYTONA_CONFIG_DIR/profiles.json"
secret-tool search --all service daytona profile kept 2>&1 | grep '^secret'
"$DAYTONA" list --profile kept
"$DAYTONA" logout --profile kept
"$DAYTONA" list --profile kept
secret-tool search --all service daytona profile kept 2>&1 | grep '^secret'
printf other | "$DAYTONA" login --no-check --keyring
printf file | "$DAYTONA" login --no-check
secret-tool search --all service daytona profile default 2>&1 | grep '^secret'
cat "$DAYTONA_CONFIG_DIR/profiles.json"
"""


def test_keys_are_kept_in_a_keyring(daytona: Program, tmp_path: Path) -> None:
    url = json.loads((Path(os.environ["DAYTONA_LOCAL_STATE_DIR"]) / "engine.json").read_text())["apiUrl"]
    home = {
        "DAYTONA": daytona.path,
        "DAYTONA_API_URL": "",
        "DAYTONA_API_KEY": "",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    script = KEYRING.replace("--profile kept\ncat", f"--profile kept --api-url {url}\ncat", 1)
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", script],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
        env=daytona.environment | home,
    )
    told, after = done.stdout.split("Logged out of profile kept\n")
    assert "Logged in as profile kept" in told and '"isInKeyring": true' in told, done
    assert told.count("sesame") == 1 and "secret = sesame" in told
    # The server does not know the key that was looked up.
    assert "Invalid" in done.stderr or "credentials" in done.stderr, done.stderr
    assert "There is no profile" in done.stderr
    assert "secret" not in after and '"apiKey": "file"' in after and "isInKeyring" not in after
    assert "sesame" not in done.stderr
    # Without the program that keeps them nothing is kept.
    refused = daytona("login", "--no-check", "--keyring", stdin=b"key", environment=home | {"PATH": str(tmp_path)})
    assert refused.returncode == 1 and b"libsecret-tools" in refused.stderr


def test_shells_complete_names_of_sandboxes(daytona: Program, sandbox: str, tmp_path: Path) -> None:
    for shell, place in (("bash", "share/bash-completion/completions/daytona"), ("fish", "config/fish/completions")):
        home = {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "share"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
        assert daytona("autocomplete", shell, environment=home).returncode == 0
        assert (tmp_path / place).exists()
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "DAYTONA_COMPLETE" in daytona.text("autocomplete", shell, "--print")
    environment = {
        "DAYTONA_COMPLETE": "bash",
        "_CLAP_COMPLETE_INDEX": "2",
        "_CLAP_IFS": "\n",
        "_CLAP_COMPLETE_COMP_TYPE": "9",
    }
    assert sandbox in daytona("--", "daytona", "info", "cli-", environment=environment).stdout.decode().split()
    environment["_CLAP_COMPLETE_INDEX"] = "1"
    assert "preview-url" in daytona("--", "daytona", "prev", environment=environment).stdout.decode()


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-v"]])
def test_the_version_is_told(daytona: Program, arguments: list[str]) -> None:
    assert daytona.text(*arguments).split()[-1].count(".") == 2


@pytest.mark.parametrize(
    "arguments", [["version"], ["list"], ["--help"], ["--version"], ["help", "list"], ["version", "--json"]]
)
def test_output_that_cannot_be_written_is_a_failure(daytona: Program, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [daytona.path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            env=daytona.environment,
            timeout=LIMIT,
        )
    assert done.returncode == 1 and b"standard output" in done.stderr, done


def test_numbers_out_of_range_are_wrong_arguments(daytona: Program) -> None:
    for arguments in (["list", "--limit", "0"], ["list", "--limit", "201"], ["list", "--page", "0"]):
        assert daytona.error(2, *arguments)["kind"] == "InvalidArgument"
    assert daytona("preview-url", "box", "-p", "0").returncode == 2
    assert daytona.error(2, "snapshot", "list", "--limit", "0")["kind"] == "InvalidArgument"


def test_names_that_are_not_text_are_refused(daytona: Program) -> None:
    done = subprocess.run(
        [daytona.path.encode(), b"info", b"\xff\xfe"], capture_output=True, env=daytona.environment, timeout=LIMIT
    )
    assert done.returncode == 2


def test_profiles_that_are_added_at_once_are_all_kept(daytona: Program) -> None:
    names = [f"p{number}" for number in range(12)]
    logins = [
        subprocess.Popen(
            [daytona.path, "login", "--no-check", "--api-key", name, "--profile", name],
            stdout=subprocess.DEVNULL,
            env=daytona.environment,
        )
        for name in names
    ]
    assert [login.wait(LIMIT) for login in logins] == [0] * len(names)
    assert daytona.data("profile")["profiles"] == sorted(names)


def test_errors_do_not_steer_the_terminal(daytona: Program) -> None:
    done = daytona("profile", "--json", "a\x1b[31mb")
    assert b"\x1b" not in done.stderr
    done = daytona("local", "logs", environment={"DAYTONA_LOCAL_STATE_DIR": "/nowhere/\x1b[31m"})
    assert b"no log yet" in done.stderr and b"\x1b" not in done.stderr


def test_what_others_name_does_not_steer_the_terminal(daytona: Program) -> None:
    name = f"cli-{uuid.uuid4().hex[:12]}"
    label, file = "\x1b[31m\x9b31m\u202e", "a\x1b[31m\nb\u009b"
    daytona.text("create", "--name", name, "--label", f"l={label}")
    try:
        daytona.text("exec", name, "--", "sh", "-c", 'mkdir /tmp/d && echo needle >"/tmp/d/$1"', "sh", file)
        for command in (
            ("info", name),
            ("info", name, "--json"),
            ("info", name, "--format", "yaml"),
            ("fs", "ls", f"{name}:/tmp/d"),
            ("fs", "grep", "needle", f"{name}:/tmp/d"),
            ("fs", "ls", f"{name}:/tmp/d", "--json"),
            ("cp", f"{name}:/tmp/d/{file}", "/nowhere/there"),
            ("fs", "cat", f"{name}:/tmp/d/{file}x"),
            ("api", f"/sandbox/{name}"),
        ):
            shown = in_terminal(daytona, *command, columns=100, environment={"NO_COLOR": "1"})
            assert "0/0" not in shown
            assert not any(steering in shown for steering in ("\x1b[31m", "\x9b", "\u202e")), (command, shown)
        # For programs it is what it is.
        assert daytona.data("info", name)["labels"]["l"] == label
        assert [entry["name"] for entry in daytona.data("fs", "ls", f"{name}:/tmp/d")] == [file]
    finally:
        daytona("delete", name)


def test_nobody_reading_is_no_crash(daytona: Program, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [daytona.path, "local", "stop"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=daytona.environment | {"DAYTONA_LOCAL_STATE_DIR": str(tmp_path)},
        timeout=LIMIT,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_fails_before_a_program_runs_is_not_taken_for_its_exit_code(daytona: Program) -> None:
    del daytona.environment["DAYTONA_API_URL"]
    assert daytona.error(3, "list")["kind"] == "Authentication"
    for command in (
        ["exec", "box", "--", "true"],
        ["run", "--", "true"],
        ["code", "box", "--code", "1"],
        ["pty", "box"],
    ):
        done = daytona(*command)
        assert done.returncode == 125 and b"not logged in" in done.stderr, done
    # A wrong command line is one, for every command.
    daytona.environment["DAYTONA_API_URL"] = "local"
    for command in (
        ["exec", "--", "true"],
        ["code", "--code", "1"],
        ["session", "exec", "--session", "s", "--", "true"],
    ):
        assert daytona(*command).returncode == 2, command


def test_a_home_is_needed_only_for_what_is_remembered(daytona: Program, sandbox: str) -> None:
    for name in ("DAYTONA_CONFIG_DIR", "XDG_CONFIG_HOME", "HOME"):
        daytona.environment.pop(name, None)
    assert daytona.data("info", sandbox)["name"] == sandbox
    assert daytona.text("exec", sandbox, "--", "echo", "hello") == "hello\n"
    assert "HOME" in daytona.error(1, "use", sandbox)["message"]


def test_a_place_that_the_engine_cannot_use_is_named(daytona: Program) -> None:
    done = daytona("list", environment={"DAYTONA_LOCAL_STATE_DIR": "/dev/null/state"})
    assert done.returncode == 7 and b"/dev/null/state cannot be used" in done.stderr, done
    assert b"DAYTONA_LOCAL_STATE_DIR" in done.stderr and b"program" not in done.stderr


def test_intervals_have_their_unit(daytona: Program, sandbox: str) -> None:
    lines = dict(line.split(maxsplit=1) for line in daytona.text("info", sandbox).splitlines())
    assert (lines["Auto-stop"], lines["Auto-delete"]) == ("after 15 minutes", "never")
