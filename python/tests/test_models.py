"""The shape of the package: models, names, imports."""

import inspect
import subprocess
import sys
from io import IOBase
from typing import get_origin

import daytona as package
from daytona import AsyncSandbox, Command, Daytona, DaytonaConfig, FileUpload, PtySize, Sandbox
from daytona.generated.models.process import Session


def test_models_are_equal_by_their_fields_and_have_no_others() -> None:
    assert PtySize(24, 80) == PtySize(rows=24, cols=80) != PtySize(25, 80)
    assert repr(PtySize(24, 80)) == "PtySize(rows=24, cols=80)"
    session = Session("s", [Command("c", "true")])
    assert repr(session) == "Session(session_id='s', commands=[Command(id='c', command='true')])"
    try:
        PtySize(1, 1).depth = 3  # type: ignore[attr-defined]
        raise AssertionError("a misspelt field was accepted")
    except AttributeError:
        pass
    assert repr(FileUpload(b"x" * 5, "d")) == "FileUpload(source=<5 bytes>, destination='d')"


def test_both_sides_offer_the_same() -> None:
    for name in package.__all__:
        if not name.startswith("Async"):
            continue
        other = getattr(package, name.removeprefix("Async"))
        mine = {n for n in dir(getattr(package, name)) if not n.startswith("_")}
        theirs = {n for n in dir(other) if not n.startswith("_")}
        if issubclass(other, IOBase):
            assert mine <= theirs, name
        else:
            assert mine ^ theirs <= {"sharing"}, name


def test_what_is_printed_is_short_and_names_the_object(daytona: Daytona, sandbox: Sandbox) -> None:
    assert repr(daytona) == "Daytona(api_url='local', target=None)"
    config = DaytonaConfig(api_key="sesame", api_url="https://example.com/api", target="eu")
    assert repr(Daytona(config)) == "Daytona(api_url='https://example.com/api', target='eu')"
    assert repr(sandbox) == f"Sandbox(id='{sandbox.id}', name='{sandbox.name}', state='started')"
    result = sandbox.process.exec("seq 10000")
    assert len(repr(result)) < 1000
    assert "(48894 characters)" in repr(result)
    session = Session("s", [Command(str(number), "true") for number in range(100)])
    assert repr(session).endswith("… (100 items)])")


def test_sandboxes_with_the_same_id_are_equal(daytona: Daytona, sandbox: Sandbox) -> None:
    same = daytona.get(sandbox.id)
    same.labels = {"other": "labels"}
    assert same == sandbox
    assert {same, sandbox} == {sandbox}
    with daytona.create() as other:
        assert other != sandbox
    assert sandbox != sandbox.id


def test_whole_numbers_are_integers(daytona: Daytona) -> None:
    with daytona.create(auto_stop_interval=7) as sandbox:
        for number in (sandbox.cpu, sandbox.memory, sandbox.disk, sandbox.gpu, sandbox.auto_stop_interval):
            assert isinstance(number, int)
        assert sandbox.auto_stop_interval == 7


def test_every_public_method_is_documented() -> None:
    for name in package.__all__:
        thing = getattr(package, name)
        if get_origin(thing) is None:  # Python gives type aliases no docstring.
            assert thing.__doc__, name
        if inspect.isclass(thing) and thing.__module__.startswith("daytona"):
            for member, value in vars(thing).items():
                if not member.startswith("_") and callable(value):
                    assert value.__doc__, f"{name}.{member}"
    assert Sandbox.start.__doc__ == AsyncSandbox.start.__doc__


def test_importing_the_package_does_not_import_asyncio() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import daytona; "
        "sys.exit(any(name in sys.modules for name in ('asyncio', 'dataclasses', 'inspect')))"
    )
    assert subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode == 0
