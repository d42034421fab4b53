"""The released Python SDK, asynchronous, against the engine named by the environment."""

import asyncio
import uuid

from daytona import (
    AsyncDaytona,
    CreateSandboxFromSnapshotParams,
    DaytonaNotFoundError,
    DaytonaTimeoutError,
    ListSandboxesQuery,
    PtySize,
    SessionExecuteRequest,
)

from reporting import Prompt, scenario

mark = uuid.uuid4().hex


async def life(daytona):
    with scenario("async: changes are told promptly"):
        prompt = Prompt()
        for _ in prompt.tries():
            with prompt.measured("create"):
                passing = await daytona.create()
            with prompt.measured("stop"):
                await passing.stop()
            with prompt.measured("start"):
                await passing.start()
            with prompt.measured("delete"):
                await passing.delete()
    with scenario("async: several sandboxes at once, stopped and started"):
        params = CreateSandboxFromSnapshotParams(labels={"suite": mark})
        sandboxes = await asyncio.gather(*[daytona.create(params) for _ in range(4)])
        assert all(sandbox.state == "started" for sandbox in sandboxes)
        found = {sandbox.id async for sandbox in daytona.list(ListSandboxesQuery(labels={"suite": mark}))}
        assert found == {sandbox.id for sandbox in sandboxes}
        await asyncio.gather(*[sandbox.delete() for sandbox in sandboxes[1:]])
        await sandboxes[0].stop()
        await sandboxes[0].start()
        return sandboxes[0]


async def work(sandbox):
    with scenario("async: commands, programs and files"):
        answers = await asyncio.gather(*[sandbox.process.exec(f"echo {number}") for number in range(20)])
        assert [answer.result for answer in answers] == [f"{number}\n" for number in range(20)]
        code = "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4], label='l')\nplt.show()"
        (chart,) = (await sandbox.process.code_run(code)).artifacts.charts
        assert (chart.type, chart.elements[0].label) == ("line", "l"), chart
        await sandbox.fs.upload_file(b"x" * 1_000_000, "large")
        assert await sandbox.fs.download_file("large") == b"x" * 1_000_000
        try:
            await sandbox.fs.download_file("none")
        except DaytonaNotFoundError:
            pass
        else:
            raise AssertionError("a missing file was downloaded")

    with scenario("async: sessions with live logs"):
        await sandbox.process.create_session("s")
        request = SessionExecuteRequest(command="for i in 1 2 3; do echo $i; echo e$i >&2; sleep 0.1; done", run_async=True)
        command = await sandbox.process.execute_session_command("s", request)
        out, err = [], []
        logs = sandbox.process.get_session_command_logs_async("s", command.cmd_id, out.append, err.append)
        await asyncio.wait_for(logs, 20)
        assert ("".join(out), "".join(err)) == ("1\n2\n3\n", "e1\ne2\ne3\n"), (out, err)
        await sandbox.process.delete_session("s")

    with scenario("async: terminals"):
        output = []
        terminal = await sandbox.process.create_pty_session("p", output.append, pty_size=PtySize(rows=20, cols=70))
        await terminal.wait_for_connection()
        await terminal.resize(PtySize(rows=21, cols=71))
        await terminal.send_input("stty size; exit 9\n")
        result = await asyncio.wait_for(terminal.wait(), 20)
        assert result.exit_code == 9 and b"21 71" in b"".join(output), (result, output)
        await terminal.disconnect()
        terminal = await sandbox.process.create_pty_session("q", output.append)
        await terminal.kill()
        assert (await asyncio.wait_for(terminal.wait(), 20)).exit_code == 137

    with scenario("async: the interpreter"):
        printed = []
        await sandbox.code_interpreter.run_code("x = 1\nprint('a')", on_stdout=lambda message: printed.append(message.output))
        assert "".join(printed) == "a\n"
        context = await sandbox.code_interpreter.create_context()
        error = (await sandbox.code_interpreter.run_code("x", context=context)).error
        assert error.name == "NameError", error
        await sandbox.code_interpreter.delete_context(context)
        try:
            await sandbox.code_interpreter.run_code("import time\ntime.sleep(100)", timeout=1)
        except DaytonaTimeoutError:
            pass
        else:
            raise AssertionError("a timeout went unnoticed")


async def main():
    async with AsyncDaytona() as daytona:
        sandbox = await life(daytona)
        if sandbox is not None:
            await work(sandbox)
            with scenario("async: deleting"):
                await sandbox.delete()


asyncio.run(main())
