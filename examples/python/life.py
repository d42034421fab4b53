"""The life of a sandbox: pause, stop, archive, size, copies, intervals.

DAYTONA_API_URL=local python life.py
"""

from __future__ import annotations

from daytona import Daytona, Resources, Sandbox


def pause(sandbox: Sandbox) -> None:
    # region: pause
    sandbox.pause()  # Its processes stand still and keep their memory.
    print(sandbox.state)
    sandbox.start()
    # endregion
    print(sandbox.state)


def archive(sandbox: Sandbox) -> None:
    # region: archive
    sandbox.process.exec("echo kept > note")
    sandbox.stop()
    sandbox.archive()
    sandbox.start()
    print(sandbox.process.exec("cat note").result)
    # endregion


def resize(sandbox: Sandbox) -> None:
    # region: resize
    sandbox.resize(Resources(cpu=2, memory=2))  # While it runs.
    sandbox.stop()
    sandbox.resize(Resources(disk=5))  # A disk takes a stopped sandbox.
    sandbox.start()
    print(sandbox.cpu, sandbox.memory, sandbox.disk)
    # endregion


def fork(sandbox: Sandbox) -> None:
    # region: fork
    sandbox.process.exec("echo original > note")
    with sandbox.fork() as copy:
        copy.process.exec("echo copied >> note")
        print(copy.process.exec("cat note").result)
    print(sandbox.process.exec("cat note").result)
    # endregion


def intervals(sandbox: Sandbox) -> None:
    # region: intervals
    sandbox.set_auto_stop_interval(30)  # Minutes without activity.
    sandbox.set_auto_archive_interval(60)  # Minutes since it stopped.
    sandbox.set_auto_delete_interval(24 * 60)
    sandbox.set_ttl(7 * 24 * 60)  # Minutes from now, whatever its state.
    sandbox.refresh_activity()
    # endregion
    print(sandbox.auto_stop_interval, sandbox.auto_destroy_at)


def environment(sandbox: Sandbox) -> None:
    # region: environment
    sandbox.update_env(set={"STAGE": "test"}, unset=["OLDPWD"])
    print(sandbox.process.exec("echo $STAGE").result)
    # endregion


def metrics(sandbox: Sandbox) -> None:
    # region: metrics
    now = sandbox.get_metrics_latest()
    print(now.mem_used, "of", now.mem_total)
    for at in sandbox.get_metrics():  # Of the last hour.
        print(at.timestamp, at.cpu_used_pct)
    # endregion


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (pause, archive, resize, fork, intervals, environment, metrics):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
