"""Images: what programs put together and what the Dockerfile says."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from daytona import CreateSandboxFromImageParams, Daytona, DaytonaInvalidArgumentError, Image


def test_steps_follow_one_another_and_change_the_image(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "app.py").write_text("print()\n")
    image = (
        Image.debian_slim("3.12")
        .pip_install("pandas", ["numpy>=2"], pre=True, extra_index_urls=["https://example.com/simple"])
        .pip_install_from_requirements(tmp_path / "requirements.txt")
        .add_local_file(tmp_path / "app.py", "/app/")
        .run_commands("echo hello", ["echo", "two words"])
        .env({"B": "two words", "A": "1"})
        .workdir(Path("/app"))
        .entrypoint(["python", "app.py"])
        .cmd([])
    )
    archive = str(tmp_path).lstrip("/")
    lines = image.dockerfile().splitlines()
    assert lines[0] == "FROM python:3.12.10-slim-bookworm"
    assert lines[5:] == [
        "RUN python -m pip install 'numpy>=2' pandas --extra-index-url https://example.com/simple --pre",
        f'COPY ["{archive}/requirements.txt", "/.requirements.txt"]',
        "RUN python -m pip install -r /.requirements.txt",
        f'COPY ["{archive}/app.py", "/app/app.py"]',
        "RUN echo hello",
        'RUN "echo" "two words"',
        "ENV B='two words'",
        "ENV A=1",
        "WORKDIR /app",
        'ENTRYPOINT ["python", "app.py"]',
        "CMD []",
    ]
    assert [context.source_path for context in image.context_list] == [
        str(tmp_path / "requirements.txt"),
        str(tmp_path / "app.py"),
    ]
    assert image.workdir("/x") is image
    assert image == image and image != Image.base("debian:12")
    assert repr(image) == "Image('FROM python:3.12.10-slim-bookworm', 17 lines, 2 contexts)"


def test_a_dockerfile_brings_the_files_it_copies(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    text = "FROM node:22\nCOPY package*.json /app/\n"
    (tmp_path / "Dockerfile").write_text(text)
    image = Image.from_dockerfile(tmp_path / "Dockerfile")
    assert image.dockerfile() == text
    assert [context.archive_path for context in image.context_list] == ["package.json"]
    more = image.dockerfile_commands(["RUN true", "COPY package.json /y"], context_dir=tmp_path)
    assert more.dockerfile() == f"{text}RUN true\nCOPY package.json /y\n"


def test_pyproject_lists_dependencies(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["requests"]\n[project.optional-dependencies]\ndev = ["pytest"]\n'
    )
    image = Image.base("python:3.12").pip_install_from_pyproject(
        tmp_path / "pyproject.toml", ["dev", "none"], find_links="x", extra_index_url="https://a"
    )
    line = image.dockerfile().splitlines()[1]
    assert line == "RUN python -m pip install pytest requests --find-links x --extra-index-url https://a"


def wheel(directory: Path, name: str) -> None:
    """Writes the package `name`, whose module of that name says so."""
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"print('this is {name}')\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")


def test_packages_are_installed_for_real(daytona: Daytona, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    for name in ("promised", "required", "depended_on", "optional"):
        wheel(tmp_path / "wheels", name)
    (tmp_path / "requirements.txt").write_text("required == 1.0\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["depended_on"]\n[project.optional-dependencies]\ndev = ["optional>=1"]\n'
    )
    here: Any = {"find_links": ["/wheels"], "extra_options": "--no-index --disable-pip-version-check"}
    image = (
        Image.base("default")
        .run_commands("python3 -m venv /opt/venv")
        .env({"PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"})
        .add_local_dir(tmp_path / "wheels", "/wheels")
        .pip_install("promised>=1", **here)
        .pip_install_from_requirements(tmp_path / "requirements.txt", **here)
        .pip_install_from_pyproject(tmp_path / "pyproject.toml", ["dev"], **here)
    )
    sandbox = daytona.create(CreateSandboxFromImageParams(image=image), timeout=0)
    try:
        done = sandbox.process.exec("/opt/venv/bin/python -c 'import promised, required, depended_on, optional'")
        assert (done.exit_code, done.result) == (
            0,
            "this is promised\nthis is required\nthis is depended_on\nthis is optional\n",
        )
    finally:
        sandbox.delete()


def test_what_no_dockerfile_can_say_is_refused() -> None:
    image = Image.base("debian:12")
    for refused in (
        lambda: Image.base(""),
        lambda: Image.debian_slim("2.7"),
        lambda: image.env({"A": "1\n2"}),
        lambda: image.env({"A": 1}),  # type: ignore[dict-item]
        lambda: image.workdir(""),
        lambda: image.entrypoint("python"),
        lambda: image.pip_install(5),  # type: ignore[arg-type]
        lambda: image.pip_install_from_requirements("/none/requirements.txt"),
        lambda: image.expose(0),
        lambda: Image.from_dockerfile("/none/Dockerfile"),
    ):
        with pytest.raises(DaytonaInvalidArgumentError):
            refused()
    assert image.dockerfile() == "FROM debian:12\n"


def test_what_is_no_image_is_named() -> None:
    with Daytona() as daytona, pytest.raises(DaytonaInvalidArgumentError, match="image"):
        daytona.create(CreateSandboxFromImageParams(image=5))  # type: ignore[arg-type]
