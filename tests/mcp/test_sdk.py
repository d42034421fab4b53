"""Programs that `run_code` runs have the package `daytona`, when they want it."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from conftest import ENVIRONMENT, LIMIT, PROGRAM, daytona

PACKAGE = Path(__file__).parents[2] / "python/src/daytona"
SHOW = "import daytona, sys\nprint(daytona.__version__, daytona.Daytona.__name__, 'numpy' in sys.modules)"


@pytest.fixture
def installed() -> Iterator[Path]:
    """The program with the wheel beside it."""
    version = daytona("version").stdout.split()[-1]
    built = Path(PROGRAM).resolve().parent
    with tempfile.TemporaryDirectory(dir=built) as place:
        program = Path(place) / "daytona"
        try:
            os.link(PROGRAM, program)
        except OSError:
            shutil.copy(PROGRAM, program)
        name = f"daytona-{version}-cp310-abi3-linux_{platform.machine()}.whl"
        with zipfile.ZipFile(program.parent / name, "w") as wheel:
            for path in PACKAGE.rglob("*"):
                if path.suffix in (".py", ".pyi", ".typed"):
                    wheel.write(path, path.relative_to(PACKAGE.parent))
            wheel.write(built / "lib_daytona.so", "daytona/_daytona.abi3.so")
        yield program


async def run_code(client: Client, **arguments: object) -> tuple[bool, str]:
    result = await client.call_tool("run_code", {"sdk": True, **arguments})
    return result.is_error, result.content[0].text


def test_the_package_comes_from_beside_the_program(installed: Path) -> None:
    async def work() -> None:
        server = StdioServerParameters(
            command=str(installed), args=["mcp", "start", "--tools", "code"], env=ENVIRONMENT
        )
        async with asyncio.timeout(LIMIT), Client(server, mode="auto") as client:
            version = daytona("version").stdout.split()[-1]
            assert await run_code(client, code=SHOW) == (False, f"{version} Daytona False\n")
            # Once it is there, it is used; also where an interpreter runs already, and beside what the sandbox has.
            assert not (await run_code(client, code="x = 1", stateful=True, sdk=False))[0]
            for code in ("import daytona", "import numpy", "print(x, daytona.__version__)"):
                done = await run_code(client, code=code, stateful=True)
                assert not done[0], done
            assert done[1] == f"1 {version}\n"
            is_error, text = await run_code(client, code="1", language="typescript")
            assert is_error and "python only" in text

    asyncio.run(work())


def test_where_the_package_cannot_be_had_that_is_said() -> None:
    async def work() -> None:
        args = ["mcp", "start", "--tools", "code,create_sandbox"]
        server = StdioServerParameters(command=PROGRAM, args=args, env=ENVIRONMENT)
        async with asyncio.timeout(LIMIT), Client(server, mode="auto") as client:
            made = await client.call_tool("create_sandbox", {"networkBlockAll": True})
            assert made.structured_content is not None
            is_error, text = await run_code(client, code=SHOW, id=made.structured_content["id"])
            assert is_error and "not beside this program" in text and "pip" in text, text

    asyncio.run(work())
