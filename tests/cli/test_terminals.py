"""Terminals of sandboxes on a terminal of this machine: keys, sizes, detaching, exit codes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from screen import screen

from conftest import LIMIT, Program


def test_a_terminal_passes_keys_sizes_and_the_exit_code(daytona: Program, sandbox: str) -> None:
    with screen(daytona, "pty", sandbox) as terminal:
        terminal.type(b"stty size; echo gr\xc3\xbc\xc3\x9fe-$((6*7))\n")
        terminal.wait_for("grüße-42".encode())
        assert b"24 80" in terminal.shown
        terminal.resize(30, 100)
        terminal.process.send_signal(signal.SIGWINCH)
        # The size arrives some time after.
        terminal.type(b"until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo re''sized\n")
        terminal.wait_for(b"resized")
        terminal.type(b"sed -u s/^/got-/\nthis\n")
        terminal.wait_for(b"got-this")
        # Ctrl-C ends sed, not us.
        terminal.type(b"\x03")
        terminal.wait_for(b"^C")
        terminal.type(b"echo st''ill\n")
        terminal.wait_for(b"still")
        terminal.type(b"exit 7\n")
        assert terminal.end() == 7


def test_a_detached_terminal_is_attached_again(daytona: Program, sandbox: str) -> None:
    session = f"cli-{uuid.uuid4().hex[:8]}"
    with screen(daytona, "pty", sandbox, "--session", session) as terminal:
        terminal.type(b"kept=here; echo re''ady\n")
        terminal.wait_for(b"ready")
        terminal.type(b"\x10\x11")
        assert terminal.end() == 0
        assert f"daytona attach {sandbox} {session}".encode() in terminal.shown
    assert session in [item["id"] for item in daytona.data("pty", sandbox, "--list")]
    with screen(daytona, "attach", sandbox, session, "--detach-keys", "ctrl-x") as terminal:
        terminal.type(b"echo still-$kept\n")
        terminal.wait_for(b"still-here")
        terminal.type(b"\x18")
        assert terminal.end() == 0
    daytona.text("pty", sandbox, "--kill", session)
    assert daytona("attach", sandbox, session).returncode == 125


def test_who_follows_a_session_without_a_terminal_leaves_it_going(daytona: Program, sandbox: str) -> None:
    session = f"cli-{uuid.uuid4().hex[:8]}"
    with screen(daytona, "pty", sandbox, "--session", session) as terminal:
        terminal.type(f"until [ -e /tmp/{session} ]; do echo ti''ck; sleep 0.1; done\n".encode())
        terminal.wait_for(b"tick")
        with subprocess.Popen(
            [daytona.path, "attach", sandbox, session],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=daytona.environment,
        ) as follower:
            assert follower.stdout is not None
            while b"tick" not in follower.stdout.readline():
                assert follower.poll() is None
            # Its end of the input would be read next.
            daytona.text("exec", sandbox, f"touch /tmp/{session}")
            terminal.type(b"exit 7\n")
            assert terminal.end() == 7
            follower.kill()


def test_a_script_can_type(daytona: Program, sandbox: str) -> None:
    done = daytona("pty", sandbox, stdin=b"echo typed-$((6*7)); exit 3\n")
    assert done.returncode == 3
    assert b"typed-42" in done.stdout
    # At the end of what it types, the terminal ends, too.
    assert daytona("pty", sandbox).returncode == 0


def test_ssh_enters_the_sandbox(daytona: Program, sandbox: str, tmp_path: Path) -> None:
    option = ("-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "LogLevel=ERROR")
    done = daytona("ssh", sandbox, *option, "--", "echo $GREETING; exit 6", stdin=b"")
    assert (done.returncode, done.stdout) == (6, b"hello\n"), done
    assert daytona.data("ssh", sandbox)["sshCommand"].startswith("ssh ")
    assert daytona("ssh", "nothing-here").returncode == 125


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end meanwhile.
        with suppress(OSError):
            yield path.read_bytes()


def test_the_token_of_ssh_is_in_no_list_of_processes(
    daytona: Program, sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments of programs can be read by everybody; the configuration of ssh that has the token only by its owner."""
    monkeypatch.setitem(daytona.environment, "TMPDIR", str(tmp_path))
    option = ("-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "LogLevel=ERROR")
    with subprocess.Popen(
        [daytona.path, "ssh", sandbox, *option, "--", "echo ready; cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=daytona.environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (configuration,) = tmp_path.glob("daytona-ssh-*")
        assert configuration.stat().st_mode & 0o777 == 0o600
        token = configuration.read_text().partition("User ")[2].split()[0]
        lists = list(command_lines())
        assert any(os.fsencode(configuration) in line for line in lists)
        assert not any(token.encode() in line for line in lists)
        process.stdin.close()
        assert process.wait(LIMIT) == 0
    assert not list(tmp_path.glob("daytona-ssh-*"))


def test_a_question_ends_with_ctrl_c(daytona: Program, sandbox: str) -> None:
    """The terminal shows again what is typed: `end` compares it."""
    with screen(daytona, "login", "--no-check") as terminal:
        terminal.wait_for(b"API key: ")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
    with screen(daytona, "delete", "--all", "--label", "made-by=cli-tests") as terminal:
        terminal.wait_for(b"[y/N] ")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
    assert daytona.data("info", sandbox)["state"] == "started"


def test_waiting_for_input_ends_with_ctrl_c(daytona: Program, sandbox: str) -> None:
    with screen(daytona, "api", "/sandbox", "--input", "-") as terminal:
        # Only once it listens does it end with this code; before, the signal itself ends it.
        time.sleep(1)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() in (130, -signal.SIGINT)


def test_what_a_creation_waits_for_after_an_interrupt_is_told(daytona: Program) -> None:
    """Of a server that never answers nobody knows whether it has made something."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        daytona.environment |= {
            "DAYTONA_API_URL": f"http://127.0.0.1:{server.getsockname()[1]}/api",
            "DAYTONA_API_KEY": "x",
        }
        with screen(daytona, "create") as terminal:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1)
                terminal.process.send_signal(signal.SIGINT)
                terminal.wait_for(b"Ctrl-C ends this at once")
                terminal.process.send_signal(signal.SIGINT)
                assert terminal.end() == 130
