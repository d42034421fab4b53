"""The stateful code interpreter."""

from daytona import ExecutionError, OutputMessage, Sandbox


def test_output_and_exceptions_reach_handlers_and_the_result(sandbox: Sandbox) -> None:
    out: list[OutputMessage] = []
    errors: list[ExecutionError] = []
    result = sandbox.code_interpreter.run_code(
        "import os, sys\nprint('out', os.environ['X'])\nprint('err', file=sys.stderr)\n1 / 0",
        on_stdout=out.append,
        on_error=errors.append,
        envs={"X": "日本"},
    )
    assert result.stdout == "out 日本\n" == "".join(message.output for message in out)
    assert result.stderr == "err\n"
    assert result.error is not None
    assert result.error.name == "ZeroDivisionError"
    assert errors == [result.error]


def test_contexts_are_given_as_such_or_by_id(sandbox: Sandbox) -> None:
    interpreter = sandbox.code_interpreter
    context = interpreter.create_context(cwd="/tmp")
    interpreter.run_code("x = 1", context=context)
    assert interpreter.run_code("import os; print(x, os.getcwd())", context=context.id).stdout == "1 /tmp\n"
    assert context.id in [other.id for other in interpreter.list_contexts()]
    interpreter.delete_context(context)
    assert context.id not in [other.id for other in interpreter.list_contexts()]
