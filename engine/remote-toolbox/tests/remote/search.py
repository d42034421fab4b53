"""Searches everything a program in a sandbox can reach for what it must not find, and prints what it saw as JSON.

The arguments are what to search for, backwards and in hexadecimal: this program's own arguments are no find.
"""

import ctypes
import errno
import json
import os
import sys
import time

NEEDLES = [bytes.fromhex(argument)[::-1] for argument in sys.argv[3:]]
DIRECTORIES, SECONDS = sys.argv[1].split(":"), float(sys.argv[2])
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 16, 17, 434, 438
found: set[str] = set()
opened: dict[str, set[str]] = {}


def look(where: str, data: bytes) -> None:
    found.update(f"{number} in {where}" for number, needle in enumerate(NEEDLES) if needle in data)


def memory(pid: str) -> None:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        opened[pid].update(("maps", "mem"))
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            try:
                mem.seek(start)
                look(f"memory of {pid}", mem.read(end - start))
            except (OSError, OverflowError, ValueError):
                continue


def process(pid: str) -> None:
    opened.setdefault(pid, set())
    for name in ("environ", "cmdline", "auxv", "stack", "status", "stat", "mountinfo"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                look(f"{name} of {pid}", file.read())
                opened[pid].add(name)
        except OSError:
            continue
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            opened[pid].add("fd")
            path = f"/proc/{pid}/fd/{descriptor}"
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    look(path, file.read(1 << 24))
    except OSError:
        pass
    try:
        memory(pid)
    except OSError:
        pass


def attempt(result: int) -> str:
    return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]


def attack(pid: int) -> dict[str, str]:
    tried = {"trace": attempt(LIBC.ptrace(PTRACE_ATTACH, pid, None, None))}
    if tried["trace"] == "done":
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    descriptor = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
    tried["open"] = attempt(descriptor)
    if descriptor >= 0:
        tried["take"] = attempt(LIBC.syscall(SYS_PIDFD_GETFD, descriptor, 0, 0))
    return tried


def files() -> None:
    for directory in DIRECTORIES:
        for root, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(root, name)
                try:
                    if os.path.isfile(path) and os.path.getsize(path) < 1 << 24:
                        with open(path, "rb") as file:
                            look(path, file.read())
                except OSError:
                    continue


def main() -> None:
    files()
    until = time.monotonic() + SECONDS
    seen: set[str] = set()
    once = False
    # New processes again and again: one that was just forked is still a copy of what forked it.
    while not once or time.monotonic() < until:
        pids = {name for name in os.listdir("/proc") if name.isdigit()} - {str(os.getpid())}
        for pid in sorted(pids if not once else pids - seen):
            process(pid)
        seen, once = seen | pids, True
    parent = os.getppid()
    while parent > 1:
        with open(f"/proc/{parent}/stat") as stat:
            toolbox, parent = parent, int(stat.read().rsplit(")", 1)[1].split()[1])
    print(
        json.dumps(
            {
                "found": sorted(found),
                "seen": len(seen),
                "first": sorted(opened["1"]),
                "toolbox": sorted(opened[str(toolbox)]),
                "attacks": {"first": attack(1), "toolbox": attack(toolbox)},
            }
        )
    )


main()
