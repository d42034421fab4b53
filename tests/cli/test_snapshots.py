"""Snapshots are created from images and Dockerfiles, listed and deleted."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from screen import screen

from conftest import LIMIT, Program


@pytest.fixture
def name() -> str:
    return f"cli-{uuid.uuid4().hex[:12]}"


def added(daytona: Program, base: str, name: str) -> list[str]:
    """The files that one snapshot has and its base has not."""
    found = json.loads(daytona.text("api", f"/snapshots/{base}/diff?with={name}"))
    assert {item["change"] for item in found["items"]} == {"added"}, found
    return [item["path"] for item in found["items"]]


def test_a_snapshot_is_created_listed_used_and_deleted(daytona: Program, name: str) -> None:
    size = ("--cpu", "1", "--memory", "1024", "--disk", "4")
    made = daytona.data("snapshot", "create", name, "--image", "default", "--entrypoint", "sleep 1000", *size)
    assert (made["name"], made["state"], made["imageName"]) == (name, "active", "default")
    assert (made["cpu"], made["mem"], made["disk"], made["entrypoint"]) == (1, 1, 4, ["sleep", "1000"])
    assert daytona.error(5, "snapshot", "create", name, "-i", "default")["kind"] == "Conflict"

    page = daytona.data("snapshot", "list", "--page", "1", "--limit", "200")
    assert (name, made["id"]) in [(item["name"], item["id"]) for item in page["items"]]
    assert page["page"] == 1
    assert len(daytona.data("snapshots", "ls", "-p", "1", "-l", "1")["items"]) == 1
    row = next(line for line in daytona.text("snapshot", "ls", "-l", "200").splitlines() if name in line)
    assert "active" in row and "1 CPU, 1 GiB, 4 GiB disk" in row
    assert f"name: {name}" in daytona.text("snapshot", "list", "-l", "200", "-f", "yaml")
    assert daytona.error(2, "snapshot", "list", "--limit", "0")["kind"] == "InvalidArgument"

    sandbox = daytona.data("create", "--snapshot", name)
    assert (sandbox["snapshot"], sandbox["disk"]) == (name, 4)
    assert daytona.text("snapshot", "rm", made["id"]) == f"deleted {made['id']}\n"
    assert daytona.text("exec", sandbox["id"], "--", "echo", "still here") == "still here\n"
    daytona.text("delete", sandbox["id"], "--wait")


def test_a_dockerfile_is_built_with_the_files_it_copies(daytona: Program, name: str, tmp_path: Path) -> None:
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "kept.txt").write_text("kept")
    (directory / "secret.txt").write_text("secret")
    (directory / ".dockerignore").write_text("secret.txt\n")
    base, dockerfile = f"{name}-base", directory / "Dockerfile"
    dockerfile.write_text("FROM scratch\nWORKDIR /app\n")
    daytona.text("snapshot", "new", base, "-f", str(dockerfile))

    dockerfile.write_text("FROM scratch\nWORKDIR /app\nCOPY *.txt /app/\n")
    done = daytona("snapshot", "create", name, "--dockerfile", str(dockerfile))
    assert (done.returncode, done.stdout) == (0, f"{name} active\n".encode()), done
    assert b"COPY *.txt /app/" in done.stderr, "the log of the build"
    assert [path.lstrip("/") for path in added(daytona, base, name)] == ["app/kept.txt"]

    # Files of elsewhere: the Dockerfile finds them below the path that was given.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "given.txt").write_text("given")
    dockerfile.write_text(f"FROM scratch\nWORKDIR /app\nCOPY {elsewhere.relative_to('/')}/given.txt /app/\n")
    daytona.text("snapshot", "create", f"{name}-context", "-f", str(dockerfile), "-c", str(elsewhere))
    assert [path.lstrip("/") for path in added(daytona, base, f"{name}-context")] == ["app/given.txt"]
    names = [base, name, f"{name}-context"]
    assert daytona.data("snapshot", "delete", *names) == {"deleted": names}


def test_a_sandbox_is_created_from_a_dockerfile_and_the_files_it_copies(daytona: Program, tmp_path: Path) -> None:
    (tmp_path / "named.txt").write_text("named")
    other = tmp_path / "other"
    other.mkdir()
    (other / "given.txt").write_text("given")
    (tmp_path / "Dockerfile").write_text("FROM default\nCOPY named.txt /a/\n")
    (tmp_path / "Given").write_text(f"FROM default\nCOPY {other.relative_to('/')}/given.txt /a/\n")
    for dockerfile, more, file in [("Dockerfile", (), "named.txt"), ("Given", ("-c", str(other)), "given.txt")]:
        made = daytona.data("create", "-f", str(tmp_path / dockerfile), *more)
        assert daytona.text("exec", made["id"], "--", "cat", f"/a/{file}") == file.partition(".")[0]
        daytona.text("delete", made["id"])
    daytona.error(2, "create", "-c", str(other))


def test_secrets_of_a_build_reach_its_commands_and_no_log(daytona: Program, name: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("sesame-open-up")
    dockerfile = tmp_path / "Dockerfile"
    mount = "RUN --mount=type=secret,id=token,required=true"
    dockerfile.write_text(f"FROM default\n{mount} wc -c < /run/secrets/token; cat /run/secrets/token # {name}\n")
    create = ("snapshot", "create", name, "-f", str(dockerfile), "--secret")
    done = daytona(*create, f"id=token,src={tmp_path}/token")
    assert done.returncode == 0, done
    assert {b"14", b"***"} <= set(done.stderr.splitlines()), done
    assert b"sesame" not in done.stdout + done.stderr
    for wrong in ("sesame-open-up", "id=token,src=/none", "id=token,env=NO_SUCH_VARIABLE", "src=token"):
        assert "sesame" not in daytona.error(2, *create, wrong)["message"]
    shown = daytona.text("create", "--dry-run", "-f", str(dockerfile), "--secret", f"id=token,src={tmp_path}/token")
    assert "[secret]" in shown and "sesame" not in shown
    daytona.text("snapshot", "delete", name)


def test_a_snapshot_is_exported_and_imported(daytona: Program, name: str, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    base, dockerfile, archive = f"{name}-base", tmp_path / "Dockerfile", tmp_path / "image.tar"
    dockerfile.write_text("FROM scratch\nWORKDIR /app\n")
    daytona.text("snapshot", "create", base, "-f", str(dockerfile))
    dockerfile.write_text("FROM scratch\nWORKDIR /app\nCOPY kept.txt /app/\nENV A=b\n")
    daytona.text("snapshot", "create", name, "-f", str(dockerfile))
    told = daytona.data("snapshot", "export", name, str(archive))
    assert told == {"name": name, "file": str(archive)}
    config = subprocess.run(
        ["skopeo", "inspect", "--config", f"oci-archive:{archive}"], capture_output=True, text=True, check=True
    )
    assert json.loads(config.stdout)["config"]["Env"] == ["A=b"]

    copy = f"{name}-copy"
    made = daytona.data("snapshot", "import", str(archive), copy, "--cpu", "1", "--memory", "2", "--disk", "3")
    assert (made["name"], made["state"], made["cpu"], made["mem"], made["disk"]) == (copy, "active", 1, 2, 3)
    assert [path.lstrip("/") for path in added(daytona, base, copy)] == ["app/kept.txt"]
    assert daytona.text("snapshot", "import", str(archive), f"{copy}-2") == f"{copy}-2 active\n"

    assert daytona.error(5, "snapshot", "import", str(archive), copy)["kind"] == "Conflict"
    assert daytona.error(4, "snapshot", "export", f"{name}-none", str(tmp_path / "none.tar"))["kind"] == "NotFound"
    assert not (tmp_path / "none.tar").exists()
    archive.write_bytes(archive.read_bytes()[:1000])
    assert daytona.error(1, "snapshot", "import", str(archive), f"{copy}-3")["kind"] == "Validation"
    daytona.error(2, "snapshot", "import", str(tmp_path / "none.tar"), f"{copy}-3")
    daytona.text("snapshot", "delete", base, name, copy, f"{copy}-2")


def test_a_build_that_fails_says_why(daytona: Program, name: str, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY --from=nowhere /a /b\n")
    error = daytona.error(1, "snapshot", "create", name, "-f", str(dockerfile))
    assert name in error["message"] and "nowhere" in error["message"], error
    daytona.text("snapshot", "delete", name)
    dockerfile.write_text("FROM scratch\nCOPY missing.txt /\n")
    assert "missing.txt" in daytona.error(2, "snapshot", "create", name, "-f", str(dockerfile))["message"]
    assert "nothing" in daytona.error(2, "snapshot", "create", name, "-f", str(tmp_path / "nothing"))["message"]


def failing(directory: Path, name: str) -> str:
    """A Dockerfile whose last command fails."""
    dockerfile = directory / "Failing"
    dockerfile.write_text(f"FROM default\nENV LEFT={name}\nWORKDIR /srv\nRUN echo $LEFT > left; exit 7\n")
    return str(dockerfile)


def test_a_shell_shows_what_a_failed_build_has_left(daytona: Program, name: str, tmp_path: Path) -> None:
    create = ("snapshot", "create", name, "-f", failing(tmp_path, name), "--shell-on-failure")
    with screen(daytona, *create) as terminal:
        terminal.wait_for(b"deletes this sandbox")
        assert b"exit code 7" in terminal.shown
        terminal.type(b"echo in $PWD: $(cat left) $LEFT\n")
        terminal.wait_for(f"in /srv: {name} {name}".encode())
        # Of the shell, not of the command line: the build has failed.
        terminal.type(b"exit 0\n")
        assert terminal.end() == 1
    step = json.loads(daytona.text("api", f"/snapshots/{name}"))["failedStep"]
    end = time.monotonic() + LIMIT
    while [made for made in daytona.data("list", "--limit", "200")["items"] if made.get("snapshot") == step]:
        assert time.monotonic() < end, "the sandbox is left behind"
    # A name that is taken is not the failure of a build.
    assert daytona.error(5, *create)["kind"] == "Conflict"
    daytona.text("snapshot", "delete", name)


def test_without_a_terminal_it_is_said_how_to_look_at_a_failed_build(
    daytona: Program, name: str, tmp_path: Path
) -> None:
    create = ("snapshot", "create", name, "-f", failing(tmp_path, name), "--shell-on-failure")
    message = daytona.error(1, *create)["message"]
    step = json.loads(daytona.text("api", f"/snapshots/{name}"))["failedStep"]
    assert "exit code 7" in message and f"daytona create --snapshot {step}" in message, message
    made = daytona.data("create", "--snapshot", step)["id"]
    assert daytona.text("exec", made, "--", "cat", "/srv/left") == f"{name}\n"
    daytona.text("delete", made)
    daytona.text("snapshot", "delete", name)
    done = daytona(*create)
    assert done.returncode == 1 and b"daytona create --snapshot failed-step-" in done.stderr, done
    daytona.text("snapshot", "delete", name)

    # Only commands leave something.
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY --from=nowhere /a /b\n")
    done = daytona("snapshot", "create", name, "-f", str(dockerfile), "--shell-on-failure")
    assert done.returncode == 1 and b"nowhere" in done.stderr and b"nothing to look at" in done.stderr, done
    daytona.text("snapshot", "delete", name)
    daytona.error(2, "snapshot", "create", name, "-i", "default", "--shell-on-failure")


def test_all_of_an_organization_are_deleted(daytona: Program, name: str) -> None:
    daytona.text("snapshot", "create", f"{name}-elsewhere", "--image", "default")
    daytona.text("organization", "create", name)
    try:
        for number in range(2):
            daytona.text("snapshot", "create", f"{name}-{number}", "--image", "default")
        assert "--yes" in daytona.error(2, "snapshot", "delete", "--all")["message"]
        assert any(item["general"] for item in daytona.data("snapshot", "list")["items"])
        deleted = daytona.data("snapshot", "delete", "--all", "--yes")["deleted"]
        assert sorted(deleted) == [f"{name}-0", f"{name}-1"]
        assert daytona.data("snapshot", "delete", "--all") == {"deleted": []}, "nothing to ask about"
    finally:
        daytona.text("organization", "delete", name)
    assert daytona.text("snapshot", "delete", f"{name}-elsewhere") == f"deleted {name}-elsewhere\n"


def test_what_cannot_be_is_refused(daytona: Program, name: str, tmp_path: Path) -> None:
    dockerfile = str(tmp_path / "Dockerfile")
    Path(dockerfile).write_text("FROM scratch\n")
    create = ("snapshot", "create", name)
    for more in [
        (),
        ("-i", "default", "-f", dockerfile),
        ("-i", "default", "-c", str(tmp_path)),
        ("-f", dockerfile, "-e", "sh"),
        ("-i", "default", "-e", " "),
        ("-i", "default", "--sandbox-class", "ship"),
    ]:
        daytona.error(2, *create, *more)
    daytona.error(2, "snapshot", "delete")
    daytona.error(2, "snapshot", "delete", name, "--all")
    assert daytona.error(4, *create, "-i", "default", "--region", "mars")["kind"] == "NotFound"
    assert daytona.error(4, "snapshot", "delete", f"{name}-none")["kind"] == "NotFound"
    # One that is not there keeps no other from being deleted.
    daytona.text(*create, "-i", "default")
    done = daytona("snapshot", "delete", f"{name}-none", name)
    assert (done.returncode, done.stdout) == (4, f"deleted {name}\n".encode()), done
