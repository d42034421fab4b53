"""The code interpreter, asynchronously: Python whose variables, imports and functions last from run to run, and charts.

DAYTONA_API_URL=local python interpreter_async.py
"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from tempfile import mkdtemp

from daytona import AsyncDaytona, AsyncSandbox, LineChart


async def state(sandbox: AsyncSandbox) -> None:
    # region: state
    interpreter = sandbox.code_interpreter
    await interpreter.run_code("import math\nradius = 2")
    result = await interpreter.run_code("print(f'{math.pi * radius ** 2:.2f}')")
    print(result.stdout, end="")

    result = await interpreter.run_code("radius / 0")  # An exception is a result, not an error.
    if result.error:
        print(f"{result.error.name}: {result.error.value}")
    # endregion


async def live(sandbox: AsyncSandbox) -> None:
    # region: live
    await sandbox.code_interpreter.run_code(
        "import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)",
        on_stdout=lambda message: sys.stdout.write(message.output),
        on_stderr=lambda message: sys.stderr.write(message.output),
        envs={"GREETING": "hello"},
        timeout=30,
    )
    # endregion


async def contexts(sandbox: AsyncSandbox) -> None:
    # region: contexts
    interpreter = sandbox.code_interpreter
    context = await interpreter.create_context(cwd="/tmp")
    await interpreter.run_code("secret = 42", context=context)
    result = await interpreter.run_code("secret")  # The default context is another one.
    print(result.error.name if result.error else "found")
    await interpreter.delete_context(context)
    # endregion


async def charts(sandbox: AsyncSandbox) -> None:
    # region: charts
    response = await sandbox.process.code_run(
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2, 3], [1, 4, 9], label='squares')\n"
        "plt.title('Growth')\n"
        "plt.show()\n"
    )
    for chart in response.artifacts.charts if response.artifacts else []:
        print(chart.type.value, chart.title)
        if isinstance(chart, LineChart):
            print(chart.elements[0].label, chart.elements[0].points)
        if chart.png:
            Path(mkdtemp(), "chart.png").write_bytes(base64.b64decode(chart.png))
    # endregion


async def main() -> None:
    async with AsyncDaytona() as daytona, await daytona.create() as sandbox:
        for part in (state, live, contexts, charts):
            print(f"--- {part.__name__}", flush=True)
            await part(sandbox)


if __name__ == "__main__":
    asyncio.run(main())
