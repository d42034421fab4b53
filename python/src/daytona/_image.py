"""Images: what a sandbox or a snapshot is built from."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from json import dumps, loads
from os import fspath
from typing import TYPE_CHECKING, Any, cast

from ._arguments import unusable
from ._daytona import image_step
from .generated.errors import error_from_wire
from .generated.models.sandbox import Context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from typing_extensions import Self

    from ._types import SupportedPythonSeries


class Image:
    """An image to build, put together step by step: a Dockerfile and the local files it copies.

    Each step changes the image and returns it, so that steps can follow one another:

        image = (
            Image.debian_slim("3.12")
            .pip_install("numpy", "pandas")
            .add_local_dir("src", "/home/daytona/src")
            .workdir("/home/daytona/src")
        )
        sandbox = daytona.create(CreateSandboxFromImageParams(image=image))

    Local files are read when something is created from the image. Steps raise `DaytonaInvalidArgumentError` for what a
    Dockerfile cannot say.
    """

    __slots__ = ("_context_list", "_dockerfile")

    def __init__(self) -> None:
        self._dockerfile = ""
        self._context_list: list[Context] = []

    @staticmethod
    def base(image: str) -> Image:
        """Starts from an image of a registry.

        Args:
            image: Its reference, for example `python:3.12-slim`.
        """
        return Image()._step("base", image)

    @staticmethod
    def debian_slim(python_version: SupportedPythonSeries | str | None = None) -> Image:
        """Starts from Debian with Python, a C and Fortran compiler, and an up-to-date pip.

        Args:
            python_version: A series from `3.9` to `3.13`, or one of their releases. Default: that of this interpreter,
                or the last one that there is.
        """
        return Image()._step("debian_slim", python_version, f"{sys.version_info[0]}.{sys.version_info[1]}")

    @staticmethod
    def from_dockerfile(path: str | PathLike[str], strict_context: bool = False) -> Image:
        """Starts from a Dockerfile of this machine, with the local files that its `COPY` and `ADD` name.

        What `.dockerignore` leaves out is not uploaded.

        Args:
            path: Path of the Dockerfile. The files it names are beside it.
            strict_context: Whether to refuse files outside its directory, also behind links.
        """
        return Image()._step("from_dockerfile", fspath(path), {"strictContext": strict_context})

    def dockerfile(self) -> str:
        """The Dockerfile."""
        return self._dockerfile

    @property
    def context_list(self) -> list[Context]:
        """The local files that the Dockerfile copies."""
        return list(self._context_list)

    def pip_install(
        self,
        *packages: str | list[str],
        find_links: list[str] | None = None,
        index_url: str | None = None,
        extra_index_urls: list[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
    ) -> Self:
        """Installs Python packages with pip, sorted by name.

        Args:
            packages: Names, with versions where they matter: `"numpy>=2"`.
            find_links: Pages or archives with links to packages.
            index_url: Index to use instead of PyPI.
            extra_index_urls: Further indexes.
            pre: Whether to take pre-releases.
            extra_options: Further arguments of pip, as a shell reads them.
        """
        options = _pip(find_links, index_url, extra_index_urls, pre, extra_options)
        return self._step("pip_install", _flat("package", packages), options)

    def pip_install_from_requirements(
        self,
        requirements_txt: str | PathLike[str],
        find_links: list[str] | None = None,
        index_url: str | None = None,
        extra_index_urls: list[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
    ) -> Self:
        """Installs the Python packages that a requirements file of this machine lists.

        Args:
            requirements_txt: Path of the file.
            find_links: Pages or archives with links to packages.
            index_url: Index to use instead of PyPI.
            extra_index_urls: Further indexes.
            pre: Whether to take pre-releases.
            extra_options: Further arguments of pip, as a shell reads them.
        """
        options = _pip(find_links, index_url, extra_index_urls, pre, extra_options)
        return self._step("pip_install_from_requirements", fspath(requirements_txt), options)

    def pip_install_from_pyproject(
        self,
        pyproject_toml: str | PathLike[str],
        optional_dependencies: Sequence[str] = (),
        find_links: str | list[str] | None = None,
        index_url: str | None = None,
        extra_index_url: str | list[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        *,
        extra_index_urls: list[str] | None = None,
    ) -> Self:
        """Installs the dependencies that a `pyproject.toml` of this machine lists.

        Args:
            pyproject_toml: Path of the file.
            optional_dependencies: Groups of its optional dependencies to install too. Those it does not have are
                ignored.
            find_links: Pages or archives with links to packages.
            index_url: Index to use instead of PyPI.
            extra_index_url: Further indexes; the same as `extra_index_urls`.
            pre: Whether to take pre-releases.
            extra_options: Further arguments of pip, as a shell reads them.
            extra_index_urls: Further indexes.
        """
        indexes = [*_listed(extra_index_url), *_listed(extra_index_urls)]
        options = _pip(_listed(find_links), index_url, indexes, pre, extra_options)
        options["optionalDependencies"] = list(optional_dependencies)
        return self._step("pip_install_from_pyproject", fspath(pyproject_toml), options)

    def apt_get(self, *packages: str | list[str]) -> Self:
        """Installs Debian packages with apt-get.

        Args:
            packages: Their names.
        """
        return self._step("apt_get", _flat("package", packages))

    def add_local_file(self, local_path: str | PathLike[str], remote_path: str) -> Self:
        """Copies a file of this machine into the image.

        Args:
            local_path: Path on this machine.
            remote_path: Path in the image. If it ends with `/`, the file keeps its name there.
        """
        return self._step("add_local_file", fspath(local_path), remote_path)

    def add_local_dir(self, local_path: str | PathLike[str], remote_path: str) -> Self:
        """Copies what is in a directory of this machine into a directory of the image.

        Args:
            local_path: Path on this machine.
            remote_path: Path in the image.
        """
        return self._step("add_local_dir", fspath(local_path), remote_path)

    def run_commands(self, *commands: str | list[str]) -> Self:
        """Runs commands while the image is built, one after the other.

        Args:
            commands: Each a command of the shell, or a list of a program and its arguments, which the shell leaves as
                they are. A command of several lines is run as one script.
        """
        given = [command if isinstance(command, str) else list(command) for command in commands]
        return self._step("run_commands", given)

    def env(self, env_vars: Mapping[str, str]) -> Self:
        """Sets environment variables for all later steps and for the sandbox.

        Args:
            env_vars: Values by name, each on one line.
        """
        return self._step("env", list(env_vars.items()))

    def workdir(self, path: str | PathLike[str]) -> Self:
        """Sets the working directory of all later steps and of the sandbox.

        Args:
            path: Path in the image.
        """
        return self._step("workdir", fspath(path))

    def entrypoint(self, entrypoint_commands: Sequence[str]) -> Self:
        """Sets the program that the sandbox starts with.

        Args:
            entrypoint_commands: The program and its arguments.
        """
        return self._step("entrypoint", _words("entrypoint_commands", entrypoint_commands))

    def cmd(self, cmd: Sequence[str]) -> Self:
        """Sets the arguments of the entrypoint, or the command where there is none.

        Args:
            cmd: The words.
        """
        return self._step("cmd", _words("cmd", cmd))

    def dockerfile_commands(
        self,
        dockerfile_commands: Sequence[str],
        context_dir: str | PathLike[str] | None = None,
        strict_context: bool = False,
    ) -> Self:
        """Adds instructions of a Dockerfile as they are, with the local files that their `COPY` and `ADD` name.

        Args:
            dockerfile_commands: The lines.
            context_dir: Directory that the names of files begin at. Default: the working directory.
            strict_context: Whether to refuse files outside it, also behind links.
        """
        lines = _words("dockerfile_commands", dockerfile_commands)
        directory = None if context_dir is None else fspath(context_dir)
        return self._step("dockerfile_commands", lines, directory, {"strictContext": strict_context})

    def user(self, username: str) -> Self:
        """Sets the user of all later steps and of the sandbox.

        Args:
            username: Name or number.
        """
        return self._step("user", username)

    def copy(self, source: str, destination: str) -> Self:
        """Copies files of the build context, which other steps have put there.

        Args:
            source: Path in the build context; it may be a pattern.
            destination: Path in the image.
        """
        return self._step("copy", source, destination)

    def add(self, source: str, destination: str) -> Self:
        """Copies files of the build context, or of a URL, and unpacks archives.

        Args:
            source: Path in the build context, or a URL.
            destination: Path in the image.
        """
        return self._step("add", source, destination)

    def expose(self, *ports: int) -> Self:
        """Says which ports the programs of the image listen on.

        Args:
            ports: 1 to 65535.
        """
        return self._step("expose", list(ports))

    def label(self, key: str, value: str) -> Self:
        """Labels the image.

        Args:
            key: Key of the label.
            value: Its value, on one line.
        """
        return self._step("label", key, value)

    def volume(self, *paths: str) -> Self:
        """Says which directories hold data that is kept apart.

        Args:
            paths: Paths in the image.
        """
        return self._step("volume", list(paths))

    def _step(self, step: str, *args: Any) -> Self:
        contexts = [context.to_wire() for context in self._context_list]
        image = {"dockerfile": self._dockerfile, "contexts": contexts}
        try:
            request = dumps({"image": image, "step": step, "args": args}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise unusable("argument of " + step, None, str(error)) from None
        try:
            taken: dict[str, Any] = loads(image_step(request))
        except ValueError as refused:
            text = str(refused)
        else:
            self._dockerfile = taken["dockerfile"]
            self._context_list = [Context.from_wire(context) for context in taken["contexts"]]
            return self
        raise error_from_wire(text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return self._dockerfile == other._dockerfile and self._context_list == other._context_list

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = self._dockerfile.splitlines()
        return f"Image({lines[0] if lines else ''!r}, {len(lines)} lines, {len(self._context_list)} contexts)"


def _pip(
    find_links: Iterable[str] | None,
    index_url: str | None,
    extra_index_urls: Iterable[str] | None,
    pre: bool,
    extra_options: str,
) -> dict[str, Any]:
    return {
        "findLinks": _words("find_links", find_links or ()),
        "indexUrl": index_url,
        "extraIndexUrls": _words("extra_index_urls", extra_index_urls or ()),
        "pre": pre,
        "extraOptions": extra_options,
    }


def _listed(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _words(name: str, value: Iterable[str]) -> list[str]:
    """A list of texts: a text by itself would be taken for a list of its letters."""
    if isinstance(value, (str, bytes)) or not isinstance(cast("object", value), Iterable):
        raise unusable(name, value, "it must be a list of texts")
    return list(value)


def _flat(name: str, values: Iterable[str | Iterable[str]]) -> list[str]:
    """Texts that are given by themselves or in lists."""
    return [text for value in values for text in ([value] if isinstance(value, str) else _words(name, value))]
