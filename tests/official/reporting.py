"""Runs scenarios and says how each ended: "ok NAME" or "FAILED NAME: why"."""

import contextlib
import time
import traceback

#: Longest a sandbox may take to be made, stopped or started, in seconds. Without events or an immediate state an SDK waits 1.
PROMPT = 0.9
TRIES = 20


@contextlib.contextmanager
def scenario(name):
    """Reports what happens inside."""
    try:
        yield
    except Exception as error:
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
        traceback.print_exc()
    else:
        print(f"ok {name}", flush=True)


class Prompt:
    """The shortest time that each of some changes took. A busy machine is slow now and then; a poll is each time."""

    def __init__(self):
        self.shortest = {}

    @contextlib.contextmanager
    def measured(self, name):
        """Measures what happens inside."""
        begun = time.monotonic()
        yield
        self.shortest[name] = min(time.monotonic() - begun, self.shortest.get(name, float("inf")))

    def tries(self):
        """Tries, until each change has once taken less than a poll; fails when there is none left."""
        for number in range(TRIES):
            yield number
            if max(self.shortest.values()) < PROMPT:
                return
        raise AssertionError(f"took at least, in seconds: {self.shortest}")
