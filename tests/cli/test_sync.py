"""A directory here and one in a sandbox stay the same, and no file is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import LIMIT, Program


class Pair:
    """Both directories, each with its files by their path."""

    def __init__(self, daytona: Program, sandbox: str, here: Path) -> None:
        self.daytona, self.sandbox, self.here = daytona, sandbox, here
        self.path = f"/tmp/sync-{uuid.uuid4().hex[:12]}"
        self.there = f"{sandbox}:{self.path}"
        here.mkdir()

    def sync(self, *more: str) -> Any:
        return self.daytona.data("sync", str(self.here), self.there, *more)

    def run(self, script: str) -> str:
        """Runs a script in the directory of the sandbox."""
        return self.daytona.text("exec", self.sandbox, f"mkdir -p {self.path} && cd {self.path} && {script}")

    def files_here(self) -> dict[str, str]:
        found = (path for path in self.here.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.here)): path.read_text() for path in found}

    def files_there(self) -> dict[str, str]:
        script = (
            "python3 -c 'import json, pathlib; print(json.dumps({str(p): p.read_text()"
            ' for p in pathlib.Path(".").rglob("*") if p.is_file() and not p.is_symlink()}))\''
        )
        files: dict[str, str] = json.loads(self.run(script))
        return files


@pytest.fixture
def pair(daytona: Program, sandbox: str, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(daytona, sandbox, tmp_path / "here")
    yield made
    made.run(f"rm -rf {made.path}")


def test_changes_go_both_ways(pair: Pair) -> None:
    (pair.here / "a/b").mkdir(parents=True)
    (pair.here / "a/b/one.txt").write_text("one")
    (pair.here / "-odd 'name'\nü").write_text("odd")
    (pair.here / "run.sh").write_text("#!/bin/sh\n")
    (pair.here / "run.sh").chmod(0o755)
    pair.run("mkdir -p c empty && printf two >c/two.txt")
    pair.sync()
    both = {"a/b/one.txt": "one", "c/two.txt": "two", "-odd 'name'\nü": "odd", "run.sh": "#!/bin/sh\n"}
    assert pair.files_here() == pair.files_there() == both
    assert (pair.here / "empty").is_dir()
    assert pair.run("test -x run.sh && ! test -x c/two.txt && echo yes") == "yes\n"
    assert not any(pair.sync().values())
    (pair.here / "a/b/one.txt").write_text("changed")
    (pair.here / "run.sh").unlink()
    pair.run("printf more >>c/two.txt; rm -- -odd*; printf new >a/new.txt")
    done = pair.sync()
    assert (done["sent"], done["removedThere"]) == (["a/b/one.txt"], ["run.sh"])
    assert (done["fetched"], len(done["removedHere"])) == (["a/new.txt", "c/two.txt"], 1)
    assert (
        pair.files_here()
        == pair.files_there()
        == {"a/b/one.txt": "changed", "a/new.txt": "new", "c/two.txt": "twomore"}
    )
    pair.run("rm -r a")
    pair.sync()
    assert not (pair.here / "a").exists()


def test_a_conflict_keeps_both(pair: Pair) -> None:
    (pair.here / "x.txt").write_text("before")
    pair.sync()
    (pair.here / "x.txt").write_text("mine")
    pair.run("printf theirs >x.txt")
    (conflict,) = pair.sync()["conflicts"]
    assert conflict.startswith("x.conflict-") and conflict.endswith(".txt")
    assert pair.files_here() == pair.files_there() == {"x.txt": "mine", conflict: "theirs"}
    # A change counts more than a removal.
    (pair.here / "x.txt").unlink()
    pair.run("printf again >x.txt")
    (pair.here / conflict).write_text("kept")
    pair.run("rm x.conflict*")
    pair.sync()
    assert pair.files_here() == pair.files_there() == {"x.txt": "again", conflict: "kept"}
    # The same on both sides is no conflict.
    (pair.here / "same").write_text("same")
    pair.run("printf same >same")
    assert pair.sync()["conflicts"] == []


def test_what_is_excluded_or_a_link_stays_where_it_is(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (pair.here / "link").symlink_to(outside)
    (pair.here / "node_modules").mkdir()
    (pair.here / "node_modules/x").write_text("x")
    (pair.here / "y.log").write_text("y")
    # Written through the link, it would be outside.
    pair.run("mkdir link && printf evil >link/evil && ln -s /etc/passwd there && printf f >f")
    done = pair.sync("-x", "node_modules", "-x", "*.log")
    assert (done["sent"], done["fetched"]) == ([], ["f"])
    assert set(done["leftOut"]) == {"link", "there"}
    assert os.listdir(outside) == []
    assert not (pair.here / "there").exists()


def test_a_file_and_a_directory_of_one_name_are_left(pair: Pair) -> None:
    (pair.here / "x").write_text("file")
    pair.run("mkdir x && printf in >x/y")
    done = pair.sync()
    assert "x" in done["leftOut"]
    assert pair.files_here()["x"] == "file" and pair.files_there() == {"x/y": "in"}


def test_nothing_is_lost_whatever_both_sides_do(pair: Pair) -> None:
    """Every content that was written last by either side is still there, on both sides."""
    generator = random.Random(5)
    names = ["a", "b.txt", "d/c", "d/e/f"]
    for turn in range(6):
        written = set()
        removed = set()
        script = ["true"]
        for name in names:
            if generator.random() < 0.6:
                path = pair.here / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"here-{turn}-{name}")
                written.add(f"here-{turn}-{name}")
            if generator.random() < 0.6:
                script.append(f"mkdir -p $(dirname {name}) && printf there-{turn}-{name} >{name}")
                written.add(f"there-{turn}-{name}")
            elif generator.random() < 0.5:
                removed.add(name)
                script.append(f"rm -f {name}")
        pair.run("; ".join(script))
        pair.sync()
        here, there = pair.files_here(), pair.files_there()
        assert here == there
        assert written <= set(here.values()), (turn, written - set(here.values()))


def test_what_a_killed_program_had_put_aside_goes_back(pair: Pair, tmp_path: Path) -> None:
    for name in "abc":
        (pair.here / name).write_text(name)
    pair.sync()
    # As if it had been killed between putting a file aside and putting another in its place.
    (state,) = (tmp_path / "configuration/sync").glob("*.json")
    entries = []
    for name, staging in (("a", "one"), ("b", "two")):
        place = pair.here / f".daytona-sync-{staging}"
        place.mkdir()
        (pair.here / name).rename(place / "aside")
        (place / "new").write_text("half")
        entries.append({"here": {"name": place.name, "path": name}})
    # Somebody wrote it meanwhile, and it was not what was known that was put aside.
    (pair.here / ".daytona-sync-two/aside").write_text("b, changed")
    (pair.here / "b").write_text("b, once more")
    pair.run("mkdir .daytona-sync-three && mv c .daytona-sync-three/old-0 && printf half >.daytona-sync-three/new-0")
    entries.append({"there": {"name": ".daytona-sync-three", "paths": ["c"]}})
    lines = [*map(json.dumps, entries), '{"here": {"name": ".daytona-sync-cut-sh']
    state.with_suffix(".aside").write_text("\n".join(lines))
    # Of another program, which is at it.
    (pair.here / ".daytona-sync-other").mkdir()
    (pair.here / ".daytona-sync-other/new").write_text("other")
    pair.run("mkdir .daytona-sync-other && printf other >.daytona-sync-other/old-0")

    done = pair.sync()
    (conflict,) = done["conflicts"]
    expected = {"a": "a", "b": "b, once more", "c": "c", conflict: "b, changed"}
    other = {".daytona-sync-other/new": "other"}
    assert pair.files_here() == expected | other
    assert pair.files_there() == expected | {".daytona-sync-other/old-0": "other"}
    left = [path.name for path in pair.here.glob(".daytona-sync-*")]
    assert left == [".daytona-sync-other"] and "three" not in pair.run("ls -A")
    assert not any(pair.sync().values())
    assert not list(state.parent.glob("*.aside*"))


def test_nothing_is_lost_or_left_when_it_is_killed(pair: Pair) -> None:
    generator = random.Random(3)
    pair.sync()
    for turn in range(4):
        written = set()
        script = ["true"]
        for number in range(20):
            (pair.here / f"h{number}").write_text(f"here-{turn}-{number}")
            script.append(f"printf there-{turn}-{number} >t{number}")
            written |= {f"here-{turn}-{number}", f"there-{turn}-{number}"}
        pair.run("; ".join(script))
        with subprocess.Popen(
            [pair.daytona.path, "sync", str(pair.here), pair.there],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=pair.daytona.environment,
        ) as process:
            # Somewhere on its way.
            time.sleep(generator.random() / 2)
            process.kill()
        # What the killed one had asked for may still be on its way.
        wait_for(lambda: not any(pair.sync().values()) and ".daytona" not in pair.run("ls -A"))
        here = pair.files_here()
        assert here == pair.files_there() and written <= set(here.values())
        assert not list(pair.here.glob(".daytona*"))


def test_a_directory_that_nobody_may_read_is_not_taken_for_empty(pair: Pair) -> None:
    pair.run("mkdir -p d/e && printf x >d/e/x && printf y >y && ln -s y link")
    pair.sync()
    assert pair.files_here() == {"d/e/x": "x", "y": "y"}
    pair.run("chmod 0 d")
    assert "link" in pair.sync()["leftOut"]
    assert pair.files_here() == {"d/e/x": "x", "y": "y"}
    pair.run("chmod 700 d")
    assert pair.sync()["conflicts"] == []
    assert pair.files_there() == {"d/e/x": "x", "y": "y"}


def test_a_side_that_was_emptied_takes_nothing_from_the_other(pair: Pair) -> None:
    for name in "ab":
        (pair.here / name).write_text(name)
    pair.sync()
    pair.run(f"rm -r {pair.path}")
    assert "is gone" in pair.daytona.error(1, "sync", str(pair.here), pair.there)["message"]
    assert pair.files_here() == {"a": "a", "b": "b"}
    for name in "ab":
        (pair.here / name).unlink()
    assert not any(pair.sync().values())


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_watching_carries_changes_until_it_is_interrupted(pair: Pair) -> None:
    (pair.here / "first").write_text("1")
    with subprocess.Popen(
        [pair.daytona.path, "sync", "--watch", "--interval", "0.5", str(pair.here), pair.there],
        stdout=subprocess.PIPE,
        env=pair.daytona.environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent: first\n"
        (pair.here / "new").mkdir()
        (pair.here / "new/second").write_text("2")
        wait_for(lambda: pair.files_there() == {"first": "1", "new/second": "2"})
        pair.run("printf 3 >third; rm first")
        wait_for(lambda: pair.files_here() == {"third": "3", "new/second": "2"})
        # Only one at a time.
        assert "already" in pair.daytona.error(1, "sync", str(pair.here), pair.there)["message"]
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130
    assert not list(pair.here.glob(".daytona*"))
    assert pair.run("ls -A") == "new\nthird\n"
    pair.daytona.error(2, "sync", "a", "b")
