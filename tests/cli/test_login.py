"""People log in with a browser, at an issuer that the engine takes tokens of."""

from __future__ import annotations

import fcntl
import json
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from issuer import Issuer
from screen import screen

from conftest import LIMIT, Program

# Follows redirects to the end, as a browser does that knows the person already.
BROWSER = (
    f"#!{sys.executable}\nfrom sys import argv\nfrom urllib.request import ProxyHandler, build_opener\n"
    f"build_opener(ProxyHandler({{}})).open(argv[1], timeout={LIMIT}).read()\n"
)


@dataclass
class Cloud:
    """An issuer, and an engine that takes its tokens."""

    issuer: Issuer
    url: str


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    path = tmp_path_factory.mktemp("cloud")
    issuer, daytona = Issuer(), Program(path / "configuration")
    daytona.environment |= {"DAYTONA_LOCAL_STATE_DIR": str(path / "state"), "DAYTONA_LOCAL_OIDC_ISSUER": issuer.url}
    daytona.text("local", "serve", "--detach", "--isolation", "none")
    yield Cloud(issuer, json.loads((path / "state/engine.json").read_text())["apiUrl"])
    daytona("local", "stop")
    issuer.close()


class Place:
    """A desktop with a browser, from which somebody logs in."""

    def __init__(self, daytona: Program, path: Path, cloud: Cloud) -> None:
        self.daytona, self.issuer, self.url = daytona, cloud.issuer, cloud.url
        self.issuer.forget()
        self.configuration = path / "configuration"
        desktop = path / "desktop"
        desktop.mkdir()
        (desktop / "xdg-open").write_text(BROWSER)
        (desktop / "xdg-open").chmod(0o755)
        daytona.environment["PATH"] = f"{desktop}:{daytona.environment['PATH']}"
        # Nothing but the profile says where and who.
        for name in ("DAYTONA_API_URL", "DAYTONA_API_KEY", "DAYTONA_LOCAL_STATE_DIR"):
            daytona.environment.pop(name, None)

    def login(self) -> list[str]:
        return ["login", "--api-url", self.url, "--callback-port", "0"]

    def profile(self, name: str = "default") -> dict[str, str]:
        """What is remembered of a login."""
        file = self.configuration / "profiles.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        login = json.loads(file.read_text())["profiles"][name]["login"]
        return login["tokens"] | {"organization": login["organization"]}

    def renewals(self) -> int:
        return sum(asked.get("grant_type") == "refresh_token" for asked in self.issuer.asked)

    def set(self, **tokens: object) -> None:
        """Changes what is remembered of the tokens."""
        file = self.configuration / "profiles.json"
        content = json.loads(file.read_text())
        content["profiles"]["default"]["login"]["tokens"] |= tokens
        file.write_text(json.dumps(content))

    def has_ended(self) -> None:
        """Makes the tokens ones that end now."""
        self.set(expiresAt=int(time.time()) - 1)

    def wait_for_renewal(self, process: subprocess.Popen[bytes]) -> None:
        """Until the issuer was asked for new tokens."""
        end = time.monotonic() + LIMIT
        while not self.renewals():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)


@pytest.fixture
def place(daytona: Program, tmp_path: Path, cloud: Cloud) -> Place:
    return Place(daytona, tmp_path, cloud)


def test_a_person_logs_in_with_a_browser_and_out_again(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
        assert b"Logged in as profile default" in terminal.shown
        assert place.profile()["accessToken"].encode() not in terminal.shown
    page = place.issuer.asked[0]
    assert (page["audience"], page["response_type"]) == ("daytona", "code")
    assert "offline_access" in page["scope"].split() and page["redirect_uri"].startswith("http://localhost:")
    # It is a person, with an organization of their own.
    (own,) = place.daytona.data("organization", "list")
    assert own["personal"] and place.profile()["organization"] == own["id"]
    assert place.daytona.data("list")["items"] == []
    team = place.daytona.data("organization", "create", "Team")
    assert place.daytona.data("list")["items"] == []
    place.daytona.text("organization", "delete", team["id"])
    refresh_token = place.profile()["refreshToken"]
    assert place.daytona.data("logout")["loggedOut"]
    assert place.issuer.revoked == [refresh_token]
    assert place.daytona.error(3, "list")["kind"] == "Authentication"


def test_where_there_is_no_browser_the_address_is_printed(place: Place) -> None:
    with subprocess.Popen(
        [place.daytona.path, *place.login(), "--no-browser", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.daytona.environment,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        address = ""
        while not address.startswith(place.issuer.url):
            line = process.stderr.readline()
            assert line
            address = line.decode().strip()
        # Who does not know the state changes nothing.
        (port,) = re.findall(r"localhost%3A(\d+)%2Fcallback", address)
        for wrong in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(f"http://localhost:{port}/callback{wrong}", timeout=LIMIT)
        with urllib.request.urlopen(address, timeout=LIMIT) as page:
            assert b"close this page" in page.read()
        assert json.loads(process.stdout.read()) == {"profile": "default"}
        assert process.wait(LIMIT) == 0
    assert place.daytona.data("list")["items"] == []


def test_a_browser_elsewhere_ends_at_an_address_that_can_be_pasted(place: Place) -> None:
    with screen(place.daytona, *place.login(), "--no-browser") as terminal:
        terminal.wait_for(b"paste the address")
        terminal.wait_for(b"code_challenge_method=S256")
        (address,) = re.findall(rb"http://127\S+", terminal.shown)

        class Stays(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

        with pytest.raises(urllib.error.HTTPError) as redirect:
            urllib.request.build_opener(urllib.request.ProxyHandler({}), Stays).open(address.decode(), timeout=LIMIT)
        end = redirect.value.headers["Location"]
        assert urlsplit(end).hostname == "localhost"
        terminal.type(b"http://localhost/callback?code=x&state=y\n")
        terminal.wait_for(b"not the address")
        terminal.type(end.encode() + b"\n")
        assert terminal.end() == 0, terminal.shown
    assert place.daytona.data("list")["items"] == []


def test_a_refusal_of_the_issuer_is_told(place: Place) -> None:
    place.issuer.refuses = "access_denied"
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 3
        assert b"access_denied" in terminal.shown
    assert not (place.configuration / "profiles.json").exists()


def test_a_login_is_given_up_by_an_interrupt(place: Place) -> None:
    place.issuer.state_is = "another"
    with screen(place.daytona, *place.login()) as terminal:
        terminal.wait_for(b"paste the address")
        terminal.process.send_signal(2)
        assert terminal.end() == 130
    assert not (place.configuration / "profiles.json").exists()


def test_tokens_are_renewed_once_whoever_needs_them(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    before = place.profile()
    assert place.daytona.data("list")["items"] == [] and place.renewals() == 0
    place.has_ended()
    results: list[int] = []
    programs = [threading.Thread(target=lambda: results.append(place.daytona("list").returncode)) for _ in range(6)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert results == [0] * 6 and place.renewals() == 1
    after = place.profile()
    assert after["accessToken"] != before["accessToken"] and after["refreshToken"] in place.issuer.refresh_tokens
    # The issuer has ended the login.
    place.issuer.refresh_tokens.clear()
    place.has_ended()
    error = place.daytona.error(3, "list")
    assert "daytona login --profile default" in error["message"] and "it was used before" in error["message"]
    assert after["accessToken"] not in error["message"] and after["refreshToken"] not in error["message"]


def test_a_program_that_runs_long_has_tokens_that_count(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    # Due a moment from now.
    place.issuer.lifetime = 61
    place.has_ended()
    with subprocess.Popen(
        [place.daytona.path, "mcp", "start"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=place.daytona.environment,
    ) as process:
        assert process.stdin is not None
        end = time.monotonic() + LIMIT
        while place.renewals() < 3:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        process.stdin.close()
        assert process.wait(LIMIT) == 0


def test_new_tokens_are_kept_however_the_program_ends(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    # An interrupt before the command begins; the end of one that has the tokens renewed while it runs.
    for command, expires, end in ((["list"], -1, 130), (["mcp", "start"], 55, 0)):
        place.issuer.gate, place.issuer.asked = threading.Event(), []
        before = place.profile()["refreshToken"]
        place.set(expiresAt=int(time.time()) + expires)
        # Another program's turn, in which this one does with the tokens that it has.
        turn = (place.configuration / "login.lock").open("a")
        if expires > 0:
            fcntl.flock(turn, fcntl.LOCK_EX)
        with subprocess.Popen(
            [place.daytona.path, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=place.daytona.environment,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            if expires > 0:
                hello = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                }
                asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
                process.stdin.write(json.dumps(asked).encode() + b"\n")
                process.stdin.flush()
                assert b"serverInfo" in process.stdout.readline()
            turn.close()
            place.wait_for_renewal(process)
            if expires < 0:
                process.send_signal(signal.SIGINT)
            process.stdin.close()
            place.issuer.gate.set()
            assert process.wait(LIMIT) == end
        after = place.profile()["refreshToken"]
        assert after != before and after in place.issuer.refresh_tokens
    place.issuer.gate = None
    assert place.daytona.data("list")["items"] == []


def test_tokens_that_count_are_used_while_another_program_renews_them(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    place.set(expiresAt=int(time.time()) + LIMIT)
    with (place.configuration / "login.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        place.set(expiresAt=int(time.time()) + 55)
        assert place.daytona.data("list")["items"] == [] and place.renewals() == 0


def test_tokens_that_the_server_refuses_before_their_time_are_renewed(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    place.set(accessToken="e30.e30.e30")
    assert place.daytona.data("list")["items"] == [] and place.renewals() == 1
    assert place.profile()["accessToken"] != "e30.e30.e30"
    # Once the issuer has ended the login, the server's refusal is what is told.
    place.issuer.refresh_tokens.clear()
    place.set(accessToken="e30.e30.e30")
    assert place.daytona.error(3, "list")["status"] == 401 and place.renewals() == 2


def test_tokens_are_not_renewed_that_could_not_be_kept(place: Place) -> None:
    with screen(place.daytona, *place.login()) as terminal:
        assert terminal.end() == 0, terminal.shown
    place.has_ended()
    # Nothing can be put in its place: the directory is another's, or full, which a name of its own stands for.
    file = place.configuration / "profiles.json"
    content = file.read_text()
    (place.configuration / "profiles.lock").unlink()
    (place.configuration / "profiles.lock").mkdir()
    assert "profiles.json cannot be written" in place.daytona.error(1, "list")["message"]
    assert file.read_text() == content and place.renewals() == 0
    (place.configuration / "profiles.lock").rmdir()
    assert place.daytona.data("list")["items"] == [] and place.renewals() == 1


def test_a_login_goes_on_when_connections_of_a_browser_cannot_be_taken(place: Place) -> None:
    with subprocess.Popen(
        [place.daytona.path, *place.login(), "--no-browser"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=place.daytona.environment,
    ) as process:
        assert process.stderr is not None
        address = ""
        while not address.startswith(place.issuer.url):
            line = process.stderr.readline()
            assert line
            address = line.decode().strip()
        (port,) = re.findall(r"localhost%3A(\d+)%2Fcallback", address)

        def rests() -> int:
            status = Path(f"/proc/{process.pid}/status").read_text()
            return int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[0])

        # It may open no more files, and a connection is one.
        files = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, files[1]))
        before, end = rests(), time.monotonic() + LIMIT
        with socket.create_connection(("127.0.0.1", int(port)), LIMIT):
            while rests() == before:
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.02)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, files)
        with urllib.request.urlopen(address, timeout=LIMIT) as page:
            assert b"close this page" in page.read()
        assert process.wait(LIMIT) == 0


def test_a_password_in_the_address_is_not_shown(place: Place) -> None:
    for address in ("htp://me:sesame@127.0.0.1:9/api", "http://me:sesame@127.0.0.1:9/api", "http://me:sesame@[::1/api"):
        for more in (["--no-browser"], ["--api-key", "x"]):
            done = place.daytona("login", "--api-url", address, *more)
            assert done.returncode and b"sesame" not in done.stdout + done.stderr, done


def test_tokens_are_not_written_where_a_keyring_has_them(place: Place, tmp_path: Path) -> None:
    # Stands for a keyring: it writes what it gets to a file.
    keyring = tmp_path / "desktop/secret-tool"
    secret = tmp_path / "secret"
    actions = f"store) cat >{secret} ;; lookup) cat {secret} ;; clear) rm {secret} ;;"
    keyring.write_text(f"#!/bin/sh\ncase $1 in {actions} esac\n")
    keyring.chmod(0o755)
    with screen(place.daytona, *place.login(), "--keyring") as terminal:
        assert terminal.end() == 0, terminal.shown
    text = (place.configuration / "profiles.json").read_text()
    kept = json.loads(secret.read_text())
    assert kept["accessToken"] not in text and kept["refreshToken"] not in text
    assert place.daytona.data("list")["items"] == []
    secret.write_text(json.dumps(kept | {"expiresAt": 1}))
    assert place.daytona.data("list")["items"] == [] and place.renewals() == 1
    renewed = json.loads(secret.read_text())
    assert renewed["refreshToken"] in place.issuer.refresh_tokens
    assert renewed["refreshToken"] not in (place.configuration / "profiles.json").read_text()
    assert place.daytona.data("logout")["loggedOut"]
    assert place.issuer.revoked == [renewed["refreshToken"]] and not secret.exists()
