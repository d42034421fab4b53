"""Commands, code and sessions."""

import asyncio
import base64

import pytest

from daytona import (
    BarChart,
    CodeRunParams,
    CompositeChart,
    Daytona,
    DaytonaClosedError,
    DaytonaInvalidArgumentError,
    DaytonaNotFoundError,
    DaytonaProcessExecutionTimeoutError,
    DaytonaTimeoutError,
    LineChart,
    LogChunk,
    Sandbox,
    SessionExecuteRequest,
)


def test_environment_variables_have_three_names(sandbox: Sandbox) -> None:
    process = sandbox.process
    assert process.exec("echo $X", env={"X": "1"}).result == "1\n"
    assert process.exec("echo $X", envs={"X": "2"}).result == "2\n"
    assert process.exec("echo $X", env_vars={"X": "3"}).result == "3\n"
    with pytest.raises(DaytonaInvalidArgumentError):
        process.exec("echo $X", env={"X": "1"}, envs={"X": "2"})


def test_a_command_that_takes_too_long_is_killed(sandbox: Sandbox) -> None:
    with pytest.raises(DaytonaTimeoutError) as caught:
        sandbox.process.exec("sleep 1000", timeout=1)
    assert isinstance(caught.value, DaytonaProcessExecutionTimeoutError)


def test_code_runs_in_the_language_of_the_sandbox_or_of_the_call(sandbox: Sandbox) -> None:
    run = sandbox.process.code_run
    assert run("print('python')").result == "python\n"
    params = CodeRunParams(argv=["a", "b"], env={"X": "y"})
    assert run("import os, sys; print(sys.argv[1:], os.environ['X'])", params).result == "['a', 'b'] y\n"
    assert run("console.log('javascript')", language="javascript").result == "javascript\n"
    assert run("raise SystemExit(4)").exit_code == 4


def test_charts_are_typed() -> None:
    png = base64.b64encode(b"picture").decode()
    wire = {
        "type": "composite_chart",
        "title": "both",
        "png": png,
        "elements": [
            {"type": "bar", "title": "bars", "elements": [{"label": "a", "group": "g", "value": 1.5}]},
            {"type": "line", "x_ticks": [0, 1], "elements": [{"label": "l", "points": [[0, 1], [1, 4]]}]},
            {"type": "hologram", "title": "unheard of"},
        ],
    }
    chart = CompositeChart.from_wire(wire)
    assert isinstance(chart, CompositeChart)
    bars, line, unknown = chart.elements
    assert isinstance(bars, BarChart)
    assert (bars.elements[0].label, bars.elements[0].group, bars.elements[0].value) == ("a", "g", 1.5)
    assert isinstance(line, LineChart)
    assert line.elements[0].points == [(0, 1), (1, 4)]
    assert unknown.type == "hologram"
    assert unknown.title == "unheard of"
    assert png not in repr(chart)


@pytest.fixture
def session(sandbox: Sandbox, unique: str) -> str:
    sandbox.process.create_session(unique)
    return unique


def test_a_session_keeps_its_state_and_takes_every_form_of_a_request(sandbox: Sandbox, session: str) -> None:
    execute = sandbox.process.execute_session_command
    execute(session, SessionExecuteRequest(command="cd /tmp; V=1"))
    assert execute(session, {"command": "echo $PWD $V"}).stdout == "/tmp 1\n"
    assert execute(session, "echo $V").output == "1\n"
    for form in (
        SessionExecuteRequest("true", run_async=True),
        SessionExecuteRequest(command="true", var_async=True),
        {"command": "true", "runAsync": True},
        {"command": "true", "async": True},
    ):
        assert execute(session, form).exit_code is None
    with pytest.raises(DaytonaInvalidArgumentError):
        execute(session, {"command": "true", "asink": True})


def test_live_logs_iterate_with_channels(sandbox: Sandbox, session: str) -> None:
    command = sandbox.process.execute_session_command(
        session, SessionExecuteRequest("echo out; echo err >&2; echo 日本", run_async=True)
    )
    texts = {"stdout": "", "stderr": ""}
    with sandbox.process.stream_session_command_logs(session, command.cmd_id) as stream:
        for chunk in stream:
            texts[chunk.channel] += chunk.text
    assert texts == {"stdout": "out\n日本\n", "stderr": "err\n"}


def test_live_logs_block_with_handlers(sandbox: Sandbox, session: str) -> None:
    command = sandbox.process.execute_session_command(session, {"command": "echo out; echo err >&2", "async": True})
    out: list[str] = []
    err: list[str] = []
    sandbox.process.get_session_command_logs_stream(session, command.cmd_id, out.append, err.append)
    assert ("".join(out), "".join(err)) == ("out\n", "err\n")


def test_live_logs_are_a_coroutine_on_the_synchronous_class_too(sandbox: Sandbox, session: str) -> None:
    command = sandbox.process.execute_session_command(session, {"command": "echo out; echo err >&2", "async": True})
    out: list[str] = []
    err: list[str] = []

    async def on_stderr(text: str) -> None:
        await asyncio.sleep(0)
        err.append(text)

    asyncio.run(sandbox.process.get_session_command_logs_async(session, command.cmd_id, out.append, on_stderr))
    assert ("".join(out), "".join(err)) == ("out\n", "err\n")


def test_a_character_cut_between_frames_is_whole_in_the_text(sandbox: Sandbox, session: str) -> None:
    script = r"printf '\346'; sleep 0.2; printf '\227\245'; sleep 0.2; printf '\346'"
    command = sandbox.process.execute_session_command(session, SessionExecuteRequest(script, run_async=True))
    chunks: list[LogChunk] = []
    with sandbox.process.stream_session_command_logs(session, command.cmd_id) as stream:
        chunks.extend(stream)
    data = b"".join(chunk.data for chunk in chunks)
    assert b"\xe6" in data
    text = "".join(chunk.text for chunk in chunks)
    assert "日" in text
    # What was cut by the end of the log is replaced, and nothing else is.
    assert text.rstrip("\n").endswith("\ufffd")
    assert text.count("\ufffd") == 1


def test_a_log_stream_may_be_left_early(sandbox: Sandbox, session: str) -> None:
    request = SessionExecuteRequest("while :; do echo again; done", run_async=True)
    command = sandbox.process.execute_session_command(session, request)
    stream = sandbox.process.stream_session_command_logs(session, command.cmd_id)
    for chunk in stream:
        assert "again" in chunk.text
        break
    stream.close()
    with pytest.raises(DaytonaClosedError):
        stream.read()
    sandbox.process.delete_session(session)


def test_a_log_stream_of_nothing_says_so_when_it_is_read(sandbox: Sandbox, session: str) -> None:
    stream = sandbox.process.stream_session_command_logs(session, "nothing")
    with pytest.raises(DaytonaNotFoundError):
        stream.read()


def test_many_threads_share_one_client(daytona: Daytona, sandbox: Sandbox) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        results = pool.map(lambda n: sandbox.process.exec(f"echo {n}").result, range(128))
        assert list(results) == [f"{n}\n" for n in range(128)]
