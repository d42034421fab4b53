"""Processes: commands and programs with a result, processes that live, sessions.

DAYTONA_API_URL=local python processes.py
"""

from __future__ import annotations

import re
import sys

from daytona import CodeRunParams, Daytona, DaytonaTimeoutError, Sandbox


def exec(sandbox: Sandbox) -> None:
    # region: exec
    result = sandbox.process.exec('echo "$GREETING from $PWD"', cwd="/tmp", env={"GREETING": "hello"}, timeout=10)
    print(result.exit_code, result.result, end="")
    # endregion


def code_run(sandbox: Sandbox) -> None:
    # region: code-run
    program = "import sys; print(sum(map(int, sys.argv[1:])))"
    result = sandbox.process.code_run(program, CodeRunParams(argv=["1", "2", "3"]))
    print(result.exit_code, result.result, end="")
    # endregion


def spawn(sandbox: Sandbox) -> None:
    # region: spawn
    command = "echo building; echo careful >&2; echo done"
    with sandbox.process.spawn(command) as process:  # Leaving ends it with everything it started.
        code = process.wait(on_stdout=sys.stdout.write, on_stderr=sys.stderr.write)
        print("exit code", code)

        # Each reader has the whole output: as lines, as text, as bytes, or as a file.
        for line in process.stdout:
            print("line:", line)
    # endregion


def stdin(sandbox: Sandbox) -> None:
    # region: stdin
    with sandbox.process.spawn("sort", stdin=True) as process:
        process.write("pear\n")
        process.write(b"apple\n")
        process.close_stdin()
        print(process.stdout.read_text(), end="")
    # endregion


def signals(sandbox: Sandbox) -> None:
    command = "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    # region: signals
    with sandbox.process.spawn(command) as process:
        process.wait_for_log("ready")
        process.send_signal("SIGTERM")
        try:
            print("exit code", process.wait(timeout=5))
        except DaytonaTimeoutError:
            process.kill()  # SIGKILL, to the whole tree.
    # endregion


def reattach(sandbox: Sandbox) -> None:
    # region: reattach
    process = sandbox.process.spawn("echo first; sleep 1000")
    process_id = process.id  # All that it takes, from any program.

    found = sandbox.process.attach(process_id)
    found.wait_for_log("first")
    print(found.command, "wrote so far:", found.stdout.read_text(follow=False))
    found.release()
    # endregion


def waits(sandbox: Sandbox) -> None:
    # region: waits
    with sandbox.process.spawn("python3 -um http.server --bind 127.0.0.1 8000") as server:
        sandbox.process.wait_for_port(8000, timeout=10)
        print(server.wait_for_log(re.compile(r"port \d+")))
    # endregion


def sessions(sandbox: Sandbox) -> None:
    # region: sessions
    sandbox.process.create_session("build")
    sandbox.process.execute_session_command("build", "cd /tmp && NAME=world")
    result = sandbox.process.execute_session_command("build", 'echo "hello $NAME from $PWD"')
    print(result.stdout, end="")
    sandbox.process.delete_session("build")
    # endregion


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (exec, code_run, spawn, stdin, signals, reattach, waits, sessions):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
