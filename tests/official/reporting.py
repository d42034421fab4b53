"""Runs scenarios and says how each ended: "ok NAME" or "FAILED NAME: why"."""

import contextlib
import time
import traceback

#: Longest a sandbox may take to be made, stopped or started, in seconds. Without events or an immediate state an SDK waits 1.
PROMPT = 0.9


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


@contextlib.contextmanager
def promptly():
    """Fails when what happens inside takes as long as a poll."""
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    assert taken < PROMPT, f"took {taken:.2f} s"
