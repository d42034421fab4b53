# The process behind one interpreter context. It reads requests, one JSON document a line, from descriptor 3 and writes
# messages, one JSON document a line, to descriptor 4. Globals last from request to request.
#
# A request is {"code", "envs"?}; the messages are {"type": "stdout" | "stderr" | "error" | "control", ...}; the last one of a
# request is a control message "completed" or "interrupted". SIGINT interrupts the code that runs.
import io
import json
import os
import signal
import sys
import traceback

requests = os.fdopen(3, "rb")
messages = os.fdopen(4, "wb", buffering=0)
FLUSH_AT = 1024


def say(kind, text="", name="", value="", trace=""):
    document = {"type": kind, "text": text, "name": name, "value": value, "traceback": trace}
    data = json.dumps(document).encode() + b"\n"
    while data:
        data = data[messages.write(data):]


class Output(io.TextIOBase):
    """What the code prints: passed on at a line break, or when enough has gathered."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, kind):
        self.kind = kind
        self.gathered = []
        self.length = 0
        self.buffer = Bytes(self)

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return 1 if self.kind == "stdout" else 2

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.gathered.append(text)
        self.length += len(text)
        if self.length >= FLUSH_AT or "\n" in text:
            self.flush()
        return len(text)

    def flush(self):
        if self.gathered:
            text, self.gathered, self.length = "".join(self.gathered), [], 0
            say(self.kind, text.encode("utf-8", "replace").decode("utf-8"))


class Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, output):
        self.output = output

    def writable(self):
        return True

    def write(self, data):
        self.output.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self):
        self.output.flush()


def explain(kind, value, trace):
    """The traceback as if the code had been typed: frames of this file are left out."""
    frames = traceback.extract_tb(trace)
    first = next((i for i, frame in enumerate(frames) if frame.filename == "<stdin>"), len(frames))
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames[first:])]
    lines += traceback.format_exception_only(kind, value)
    return "".join(lines)


def run(code, scope):
    """Runs the code and returns the last control message."""
    try:
        exec(compile(code, "<stdin>", "exec"), scope)
    except KeyboardInterrupt:
        return "interrupted"
    except SystemExit:
        return "completed"
    except BaseException:
        kind, value, trace = sys.exc_info()
        sys.stdout.flush()
        sys.stderr.flush()
        say("error", name=kind.__name__, value=str(value), trace=explain(kind, value, trace))
    return "completed"


def main():
    scope = {"__name__": "__main__", "__builtins__": __builtins__, "__doc__": None}
    module = type(sys)("__main__")
    module.__dict__.update(scope)
    scope = module.__dict__
    sys.modules["__main__"] = module
    sys.stdout, sys.stderr = Output("stdout"), Output("stderr")
    sys.stdin = open(os.devnull)
    # Between requests an interrupt has nothing to interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in requests:
        request = json.loads(line)
        before = dict(os.environ)
        os.environ.update(request.get("envs") or {})
        ending = "interrupted"
        try:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                ending = run(request["code"], scope)
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            pass
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
        sys.stdout.flush()
        sys.stderr.flush()
        say("control", ending)


main()
