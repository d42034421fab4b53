"""The Python SDK released as 0.190, against an engine that answers as that server did: what works, and its quirks."""

import uuid

from daytona import (
    CreateSandboxFromSnapshotParams,
    Daytona,
    DaytonaError,
    DaytonaNotFoundError,
    ListSandboxesQuery,
    PtySize,
    SessionExecuteRequest,
)

from reporting import Prompt, scenario

daytona = Daytona()
mark = uuid.uuid4().hex


def refused(call):
    """The error a call ends in."""
    try:
        call()
    except DaytonaError as error:
        return error
    raise AssertionError("it was not refused")


with scenario("0.190: changes are told promptly"):
    prompt = Prompt()
    for _ in prompt.tries():
        with prompt.measured("create"):
            passing = daytona.create()
        passing.stop()
        with prompt.measured("start"):
            passing.start()
        with prompt.measured("delete"):
            passing.delete()

with scenario("0.190: a sandbox is made, stopped and started"):
    sandbox = daytona.create(CreateSandboxFromSnapshotParams(labels={"suite": mark}, env_vars={"GIVEN": "yes"}))
    assert sandbox.state == "started", sandbox.state
    sandbox.stop()
    assert sandbox.state == "stopped", sandbox.state
    sandbox.start()
    assert [found.id for found in daytona.list(ListSandboxesQuery(labels={"suite": mark}))] == [sandbox.id]

with scenario("0.190: commands and programs"):
    assert sandbox.process.exec("echo $GIVEN").result == "yes\n"
    assert sandbox.process.code_run("print(6 * 7)").result == "42\n"

with scenario("0.190: bars with numbers are no charts"):
    bars = "import matplotlib.pyplot as plt\nplt.bar(['a'], [1])\nplt.show()"
    assert not sandbox.process.code_run(bars).artifacts.charts

with scenario("0.190: files"):
    sandbox.fs.create_folder("some", "755")
    sandbox.fs.upload_file(b"one needle", "some/1.txt")
    assert sandbox.fs.download_file("some/1.txt") == b"one needle"
    assert [match.line for match in sandbox.fs.find_files("some", "needle")] == [1]
    assert sandbox.fs.find_files("nowhere", "needle") == []
    assert isinstance(refused(lambda: sandbox.fs.get_file_info("nowhere")), DaytonaNotFoundError)

with scenario("0.190: sessions"):
    sandbox.process.create_session("s")
    answer = sandbox.process.execute_session_command("s", SessionExecuteRequest(command="echo out; (exit 4)"))
    assert (answer.stdout, answer.exit_code) == ("out\n", 4), answer
    unknown = SessionExecuteRequest(command="true")
    assert refused(lambda: sandbox.process.execute_session_command("none", unknown)).status_code == 500

with scenario("0.190: terminals"):
    terminal = sandbox.process.create_pty_session("p", pty_size=PtySize(rows=30, cols=90))
    terminal.wait_for_connection()
    terminal.send_input("exit 7\n")
    assert terminal.wait(timeout=120).exit_code == 7
    terminal.disconnect()

with scenario("0.190: git"):
    sandbox.process.exec("git init -q -b main there && cd there && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m One")
    sandbox.git.clone("/home/daytona/there", "here")
    status = sandbox.git.status("here")
    assert (status.current_branch, status.branch_published) == ("main", False), status
    assert refused(lambda: sandbox.git.clone("/home/daytona/there", "other", branch="nope")).status_code == 500
    assert refused(lambda: sandbox.git.clone("/home/daytona/there", "other")).status_code == 409

with scenario("0.190: deleting"):
    sandbox.delete()
