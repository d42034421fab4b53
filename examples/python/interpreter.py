"""The code interpreter: Python whose variables, imports and functions last from run to run, and charts.

DAYTONA_API_URL=local python interpreter.py
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from tempfile import mkdtemp

from daytona import Daytona, LineChart, Sandbox


def state(sandbox: Sandbox) -> None:
    # region: state
    interpreter = sandbox.code_interpreter
    interpreter.run_code("import math\nradius = 2")
    result = interpreter.run_code("print(f'{math.pi * radius ** 2:.2f}')")
    print(result.stdout, end="")

    result = interpreter.run_code("radius / 0")  # An exception is a result, not an error.
    if result.error:
        print(f"{result.error.name}: {result.error.value}")
    # endregion


def live(sandbox: Sandbox) -> None:
    # region: live
    sandbox.code_interpreter.run_code(
        "import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)",
        on_stdout=lambda message: sys.stdout.write(message.output),
        on_stderr=lambda message: sys.stderr.write(message.output),
        envs={"GREETING": "hello"},
        timeout=30,
    )
    # endregion


def contexts(sandbox: Sandbox) -> None:
    # region: contexts
    interpreter = sandbox.code_interpreter
    context = interpreter.create_context(cwd="/tmp")
    interpreter.run_code("secret = 42", context=context)
    result = interpreter.run_code("secret")  # The default context is another one.
    print(result.error.name if result.error else "found")
    interpreter.delete_context(context)
    # endregion


def charts(sandbox: Sandbox) -> None:
    # region: charts
    response = sandbox.process.code_run(
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


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (state, live, contexts, charts):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
