"""The released Python SDK, synchronous, against the engine named by the environment."""

import asyncio
import os
import tempfile
import urllib.request
import uuid

from daytona import (
    CreateSandboxFromImageParams,
    CreateSandboxFromSnapshotParams,
    CreateSnapshotParams,
    Daytona,
    DaytonaError,
    DaytonaNotFoundError,
    DaytonaTimeoutError,
    FileUpload,
    Image,
    ListSandboxesQuery,
    PtySize,
    SessionExecuteRequest,
    VolumeMount,
)
from daytona._sync import object_storage

from reporting import Prompt, scenario

# Its object storage is reached with TLS only. The engine's is on this machine, without.
storage = object_storage.S3Store
object_storage.S3Store = lambda *given, client_options, **more: storage(
    *given, client_options={**client_options, "allow_http": True}, **more
)
daytona = Daytona()
mark = uuid.uuid4().hex

with scenario("changes are told promptly"):
    prompt = Prompt()
    for _ in prompt.tries():
        with prompt.measured("create"):
            passing = daytona.create()
        with prompt.measured("stop"):
            passing.stop()
        with prompt.measured("start"):
            passing.start()
        with prompt.measured("delete"):
            passing.delete(wait=True)

with scenario("a sandbox is made, stopped and started"):
    sandbox = daytona.create(CreateSandboxFromSnapshotParams(labels={"suite": mark}, env_vars={"GIVEN": "yes"}))
    assert sandbox.state == "started", sandbox.state
    sandbox.process.exec("echo kept > file; mkdir -p dir")
    sandbox.stop()
    assert sandbox.state == "stopped", sandbox.state
    sandbox.start()
    assert sandbox.state == "started", sandbox.state
    assert sandbox.process.exec("cat file; echo $GIVEN").result == "kept\nyes\n"

with scenario("labels and lists"):
    other = daytona.create(CreateSandboxFromSnapshotParams(labels={"suite": mark, "which": "other"}))
    found = {found.id for found in daytona.list(ListSandboxesQuery(labels={"suite": mark}))}
    assert found == {sandbox.id, other.id}, found
    sandbox.set_labels({"suite": mark, "which": "first"})
    found = [found.id for found in daytona.list(ListSandboxesQuery(labels={"which": "first", "suite": mark}))]
    assert found == [sandbox.id], found
    again = daytona.get(sandbox.id)
    assert again.labels == {"suite": mark, "which": "first"}
    other.delete(wait=True)
    try:
        daytona.get(other.id)
    except DaytonaNotFoundError:
        pass
    else:
        raise AssertionError("a deleted sandbox was found")

with scenario("settings"):
    sandbox.set_autostop_interval(17)
    sandbox.set_auto_archive_interval(60)
    sandbox.refresh_data()
    assert sandbox.auto_stop_interval == 17
    assert sandbox.get_work_dir() == sandbox.get_user_home_dir() == "/home/daytona"

with scenario("files"):
    content = os.urandom(3 << 20)
    sandbox.fs.create_folder("some/deep folder", "755")
    sandbox.fs.upload_file(content, "some/deep folder/dätä.bin")
    assert sandbox.fs.download_file("some/deep folder/dätä.bin") == content
    with tempfile.TemporaryDirectory() as directory:
        local = os.path.join(directory, "local")
        sandbox.fs.download_file("some/deep folder/dätä.bin", local)
        assert open(local, "rb").read() == content
    assert b"".join(sandbox.fs.download_file_stream("some/deep folder/dätä.bin")) == content
    sandbox.fs.upload_files([FileUpload(b"one needle", "some/1.txt"), FileUpload(b"two", "some/2.txt")])
    assert [match.line for match in sandbox.fs.find_files("some", "needle")] == [1]
    assert sorted(sandbox.fs.search_files("some", "*.txt").files) == ["some/1.txt", "some/2.txt"]
    assert sandbox.fs.replace_in_files(["some/1.txt"], "needle", "pin")[0].success
    assert sandbox.fs.download_file("some/1.txt") == b"one pin"
    sandbox.fs.set_file_permissions("some/1.txt", mode="600")
    info = sandbox.fs.get_file_info("some/1.txt")
    assert (info.permissions, info.size, info.is_dir) == ("0600", 7, False), info
    sandbox.fs.move_files("some/2.txt", "moved.txt")
    assert [file.name for file in sandbox.fs.list_files("some")] == ["1.txt", "deep folder"]
    sandbox.fs.delete_file("some", recursive=True)
    for call in (lambda: sandbox.fs.download_file("some/1.txt"), lambda: sandbox.fs.get_file_info("some")):
        try:
            call()
        except DaytonaNotFoundError:
            pass
        else:
            raise AssertionError("a deleted file was found")

with scenario("commands"):
    answer = sandbox.process.exec("echo $A; pwd; exit 3", cwd="/tmp", env={"A": "a"})
    assert (answer.exit_code, answer.result) == (3, "a\n/tmp\n"), answer
    try:
        sandbox.process.exec("sleep 600", timeout=1)
    except DaytonaError:
        pass
    else:
        raise AssertionError("a timeout went unnoticed")

with scenario("programs and their charts"):
    code = "import matplotlib.pyplot as plt\nplt.bar(['a', 'b'], [1, 2])\nplt.title('T')\nplt.show()\nprint('done')"
    answer = sandbox.process.code_run(code)
    assert (answer.exit_code, answer.result) == (0, "done\n"), answer
    (chart,) = answer.artifacts.charts
    assert (chart.title, chart.type) == ("T", "bar"), chart
    assert [(element.label, element.value) for element in chart.elements] == [("a", "1"), ("b", "2")], chart.elements
    assert chart.png

with scenario("charts of every kind"):
    for kind, code in {
        "line": "import datetime\nplt.plot([datetime.date(2024, 1, 1), datetime.date(2024, 2, 1)], [1, float('nan')])",
        "scatter": "plt.scatter(['a', 'b'], [1, 2])",
        "pie": "plt.pie([1, 2], autopct='%d')",
        "box_and_whisker": "plt.boxplot([[1, 2, 3, 50], [4, 5]])",
        "composite_chart": "f, (a, b) = plt.subplots(2)\na.plot([1, 2])\nb.bar(['x'], [1])",
    }.items():
        answer = sandbox.process.code_run(f"import matplotlib.pyplot as plt\n{code}\nplt.show()")
        assert [chart.type for chart in answer.artifacts.charts] == [kind], answer

with scenario("sessions with live logs"):
    sandbox.process.create_session("s")
    sandbox.process.execute_session_command("s", SessionExecuteRequest(command="cd /tmp; X=1"))
    answer = sandbox.process.execute_session_command("s", SessionExecuteRequest(command="pwd; echo $X >&2; (exit 4)"))
    assert (answer.stdout, answer.stderr, answer.exit_code) == ("/tmp\n", "1\n", 4), answer
    slow = "echo ask; read line; echo \"told $line\"; echo warn >&2; read line"
    command = sandbox.process.execute_session_command("s", SessionExecuteRequest(command=slow, run_async=True))

    async def follow():
        out, err, asked = [], [], asyncio.Event()

        def on_stdout(chunk):
            out.append(chunk)
            if "ask" in "".join(out):
                asked.set()

        logs = asyncio.create_task(
            sandbox.process.get_session_command_logs_async("s", command.cmd_id, on_stdout, err.append)
        )
        await asyncio.wait_for(asked.wait(), 20)
        for line in ("this", "end"):
            await asyncio.to_thread(sandbox.process.send_session_command_input, "s", command.cmd_id, line)
        await asyncio.wait_for(logs, 20)
        return "".join(out), "".join(err)

    out, err = asyncio.run(follow())
    assert "told this\n" in out and err == "warn\n", (out, err)
    logs = sandbox.process.get_session_command_logs("s", command.cmd_id)
    assert logs.stderr == "warn\n", logs
    assert sandbox.process.get_session_command("s", command.cmd_id).exit_code == 0
    sandbox.process.delete_session("s")
    assert sandbox.process.list_sessions() == []

with scenario("terminals: create, resize, exit code"):
    terminal = sandbox.process.create_pty_session("p", envs={"GREETING": "höla"}, pty_size=PtySize(rows=30, cols=90))
    terminal.wait_for_connection()
    terminal.resize(PtySize(rows=31, cols=91))
    assert sandbox.process.get_pty_session_info("p").cols == 91
    terminal.send_input("echo \"<$GREETING $(stty size)>\"; exit 7\n")
    output = []
    result = terminal.wait(on_data=output.append, timeout=120)
    assert result.exit_code == 7, result
    assert "<höla 31 91>" in b"".join(output).decode()
    terminal.disconnect()

with scenario("terminals: connect, kill"):
    first = sandbox.process.create_pty_session("q")
    second = sandbox.process.connect_pty_session("q")
    assert [info.id for info in sandbox.process.list_pty_sessions()] == ["q"]
    sandbox.process.kill_pty_session("q")
    assert first.wait(timeout=120).exit_code == 137
    assert second.wait(timeout=120).exit_code == 137
    first.disconnect()
    second.disconnect()

with scenario("the interpreter"):
    interpreter = sandbox.code_interpreter
    printed = []
    interpreter.run_code("x = 41\nprint('live')", on_stdout=lambda message: printed.append(message.output))
    assert "".join(printed) == "live\n"
    assert interpreter.run_code("print(x + 1)").stdout == "42\n"
    error = interpreter.run_code("raise ValueError('why')").error
    assert (error.name, error.value) == ("ValueError", "why"), error
    context = interpreter.create_context(cwd="/tmp")
    answer = interpreter.run_code("import os\nprint(os.getcwd(), os.environ['E'], 'x' in globals())", context=context, envs={"E": "e"})
    assert answer.stdout == "/tmp e False\n", answer
    assert [listed.id for listed in interpreter.list_contexts()] == [context.id]
    interpreter.delete_context(context)
    try:
        interpreter.run_code("while True: pass", timeout=1)
    except DaytonaTimeoutError:
        pass
    else:
        raise AssertionError("a timeout went unnoticed")
    assert interpreter.run_code("print(x)").stdout == "41\n"

with scenario("git"):
    git = sandbox.git
    sandbox.process.exec("git init -q --bare -b main origin.git")
    try:
        git.clone("/home/daytona/nowhere.git", "nothing")
    except DaytonaNotFoundError:
        pass
    else:
        raise AssertionError("a repository that is not there was cloned")
    sandbox.process.exec("git init -q -b main first && git -C first remote add origin ~/origin.git && echo one > first/a.txt")
    git.add("first", ["a.txt"])
    assert git.commit("first", "One", "Ada", "ada@example.com").sha
    git.push("first")
    git.clone("/home/daytona/origin.git", "second")
    status = git.status("second")
    assert (status.current_branch, status.branch_published, status.ahead, status.behind) == ("main", True, 0, 0), status
    git.create_branch("second", "topic")
    git.checkout_branch("second", "main")
    assert sorted(git.branches("second").branches) == ["main", "topic"]
    git.delete_branch("second", "topic")
    assert git.branches("second").branches == ["main"]
    sandbox.fs.upload_file(b"two\n", "second/b.txt")
    (changed,) = git.status("second").file_status
    assert (changed.name, changed.staging, changed.worktree) == ("b.txt", "Untracked", "Untracked"), changed
    git.add("second", ["."])
    git.commit("second", "Two", "Bob", "bob@example.com")
    assert git.status("second").ahead == 1
    git.push("second")
    git.pull("first")
    assert sandbox.process.exec("cat first/b.txt; git -C first log --format=%an").result == "two\nBob\nAda\n"

with scenario("preview links"):
    sandbox.process.exec("echo hello > /tmp/index.html; cd /tmp; nohup python3 -m http.server 8123 >/dev/null 2>&1 &")
    sandbox.process.exec("until python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8123))\" 2>/dev/null; do :; done")
    link = sandbox.get_preview_link(8123)
    request = urllib.request.Request(link.url, headers={"x-daytona-preview-token": link.token})
    assert urllib.request.urlopen(request, timeout=120).read() == b"hello\n"
    signed = sandbox.create_signed_preview_url(8123, 60)
    assert urllib.request.urlopen(signed.url, timeout=120).read() == b"hello\n"

with scenario("what is not there and what is not offered"):
    try:
        daytona.get("no-such-sandbox")
    except DaytonaNotFoundError:
        pass
    else:
        raise AssertionError("a sandbox that never was was found")
    try:
        daytona.create(CreateSandboxFromImageParams(image="python:3.12"))
    except DaytonaError as error:
        assert str(error), "an error without a word"
    else:
        raise AssertionError("an image was accepted")

with scenario("images are built, with the local files they copy"):
    with tempfile.TemporaryDirectory() as directory:
        local = os.path.join(directory, "data.txt")
        with open(local, "w") as file:
            file.write("copied\n")
        image = Image.base("default").add_local_file(local, "/srv/data.txt").run_commands("cat /srv/data.txt > /opt/built").env({"A": "b"})
        lines = []
        built = daytona.create(CreateSandboxFromImageParams(image=image), timeout=120, on_snapshot_create_logs=lines.append)
        assert built.process.exec("cat /opt/built; echo $A").result == "copied\nb\n"
        assert any("RUN" in line for line in lines), lines
        built.delete()
        name = f"official-{mark}"
        snapshot = daytona.snapshot.create(CreateSnapshotParams(name=name, image=image), on_logs=lines.append)
        assert snapshot.state == "active", snapshot
        made = daytona.create(CreateSandboxFromSnapshotParams(snapshot=name))
        assert made.process.exec("cat /srv/data.txt").result == "copied\n"
        made.delete()
        daytona.snapshot.delete(daytona.snapshot.get(name))
    try:
        failing = Image.base("default").run_commands("echo the reason; exit 3")
        daytona.snapshot.create(CreateSnapshotParams(name=f"failing-{mark}", image=failing))
    except DaytonaError as error:
        assert "the reason" in str(error), error
        daytona.snapshot.delete(daytona.snapshot.get(f"failing-{mark}"))
    else:
        raise AssertionError("a build that failed went unnoticed")

with scenario("volumes outlive sandboxes and are shared"):
    volume = daytona.volume.get(f"official-{mark}", create=True)
    mounts = [VolumeMount(volume_id=volume.id, mount_path="/srv/shared")]
    first, second = (daytona.create(CreateSandboxFromSnapshotParams(volumes=mounts)) for _ in range(2))
    first.process.exec("echo shared > /srv/shared/file")
    assert second.process.exec("cat /srv/shared/file").result == "shared\n"
    # A volume is deleted when no sandbox has it any more.
    first.delete(wait=True)
    second.delete(wait=True)
    third = daytona.create(CreateSandboxFromSnapshotParams(volumes=mounts))
    assert third.process.exec("cat /srv/shared/file").result == "shared\n"
    third.delete(wait=True)
    daytona.volume.delete(daytona.volume.get(f"official-{mark}"))

with scenario("deleting"):
    sandbox.delete(wait=True)
    assert list(daytona.list(ListSandboxesQuery(labels={"suite": mark}))) == []
