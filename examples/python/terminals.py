"""Terminals: a shell as a person uses it, driven by a program. See shell.py for one that is driven by a person.

DAYTONA_API_URL=local python terminals.py
"""

from __future__ import annotations

import sys

from daytona import Daytona, PtySize, Sandbox


def create(sandbox: Sandbox) -> None:
    # region: create
    with sandbox.process.create_pty_session("work", pty_size=PtySize(rows=30, cols=100)) as terminal:
        terminal.send_input("stty size; exit 7\n")
        for data in terminal:
            sys.stdout.buffer.write(data)
        print("exit code", terminal.exit_code)
    # endregion


def resize_kill(sandbox: Sandbox) -> None:
    # region: resize-kill
    terminal = sandbox.process.create_pty_session("second")
    terminal.resize(PtySize(rows=40, cols=120))
    terminal.disconnect()  # Its session goes on.

    again = sandbox.process.connect_pty_session("second")
    again.kill()
    # endregion
    for session in sandbox.process.list_pty_sessions():
        print(session.id, session.active)


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (create, resize_kill):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
