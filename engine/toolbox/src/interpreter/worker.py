"""The Python side of the code interpreter: one process per context, one run at a time.

Standard input is a socket to the toolbox. Each request is a line of JSON: {"code": str, "envs": {str: str}}. Each answer is a
line of JSON with the keys type, text, name, value, traceback; the last of a run has the type "control". The
socket is moved away from descriptor 0 before user code runs. Text that user code prints through sys.stdout and sys.stderr travels
over the socket, so its order is kept; what child processes write to descriptors 1 and 2 is read by the toolbox itself.
"""

import builtins
import codecs
import io
import json
import os
import signal
import socket
import sys
import threading
import traceback
import types

FLUSH_AT = 1024  # characters
# Whose tracebacks to write: the argument is the server's name.
AS_0_190 = sys.argv[1:] == ["0.190"]


class Control:
    """The socket to the toolbox. Messages are never torn by an interrupt: one that arrives meanwhile is raised after."""

    def __init__(self):
        self.socket = socket.socket(fileno=os.dup(0))
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self.requests = self.socket.makefile("rb")
        self.lock = threading.RLock()
        self.running = False
        self.sending = False
        self.interrupted = False
        self.forked = False
        # Between runs there is nothing to interrupt.
        signal.signal(signal.SIGINT, self.interrupt)
        os.register_at_fork(after_in_child=self.after_fork)

    def after_fork(self):
        self.forked = True
        self.lock = threading.RLock()

    def interrupt(self, _signal, _frame):
        if self.sending:
            self.interrupted = True
        elif self.running or self.forked:
            raise KeyboardInterrupt

    def send(self, kind, text="", name="", value="", trace=""):
        fields = (kind, text, name, value, trace)
        keys = ("type", "text", "name", "value", "traceback")
        # Lone surrogates cannot travel as UTF-8.
        clean = (field.encode("utf-8", "backslashreplace").decode("utf-8") for field in fields)
        line = json.dumps(dict(zip(keys, clean))).encode() + b"\n"
        in_main = threading.current_thread() is threading.main_thread()
        with self.lock:
            if in_main:
                self.sending = True
            try:
                self.socket.sendall(line)
            finally:
                if in_main:
                    self.sending = False
        if in_main and self.interrupted and self.running:
            self.interrupted = False
            raise KeyboardInterrupt


class BinaryOutput(io.RawIOBase):
    """What sys.stdout.buffer is: bytes, sent as text."""

    def __init__(self, control, kind, descriptor):
        self.control = control
        self.kind = kind
        self.descriptor = descriptor
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = None

    def writable(self):
        return True

    def fileno(self):
        return self.descriptor

    def write(self, data):
        if self.text is not None:
            self.text.flush()
        data = bytes(data)
        if self.control.forked:
            return os.write(self.descriptor, data)
        text = self.decoder.decode(data)
        if text:
            self.control.send(self.kind, text)
        return len(data)


class TextOutput(io.TextIOBase):
    """What sys.stdout and sys.stderr are: text, sent at line ends and whenever enough has gathered."""

    encoding = "utf-8"
    errors = "backslashreplace"
    line_buffering = True

    def __init__(self, control, kind, descriptor):
        self.control = control
        self.kind = kind
        self.pending = []
        self.pending_length = 0
        self.buffer = BinaryOutput(control, kind, descriptor)
        self.buffer.text = self

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self.buffer.fileno()

    def reconfigure(self, **_options):
        """Accepted for programs that set an encoding; it is always UTF-8."""

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.pending.append(text)
        self.pending_length += len(text)
        if "\n" in text or self.pending_length >= FLUSH_AT:
            self.flush()
        return len(text)

    def flush(self):
        pending, self.pending, self.pending_length = self.pending, [], 0
        text = "".join(pending)
        if not text:
            return
        if self.control.forked:
            os.write(self.buffer.descriptor, text.encode("utf-8", "backslashreplace"))
        else:
            self.control.send(self.kind, text)


class Environment:
    """Sets variables for one run and restores what was there."""

    def __init__(self, variables):
        self.variables = variables

    def __enter__(self):
        self.saved = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)

    def __exit__(self, *_error):
        for name, value in self.saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def describe(control, error):
    """Sends one error message; its traceback starts at the user's first frame."""
    try:
        value = str(error)
    except Exception:
        value = f"<unprintable {type(error).__name__} object>"
    report = traceback.TracebackException(type(error), error, error.__traceback__)
    del report.stack[:1]
    lines = [top_level(line) for line in report.format(chain=not AS_0_190)]
    if not lines[0].startswith("Traceback"):
        lines.insert(0, "Traceback (most recent call last):\n")
    trace = "".join(lines)
    if AS_0_190:
        trace = as_0_190(error, value, trace)
    control.send("error", name=type(error).__name__, value=value, trace=trace)


def as_0_190(error, value, trace):
    """A traceback as that server writes it."""
    if isinstance(error, SyntaxError):
        trace = trace.replace('  File "<stdin>"', '  File "<string>"')
    return trace if value else trace.rstrip("\n") + ": \n"


def top_level(line):
    """A line of a traceback; code outside functions is named by its line alone, as the contract has it."""
    ending = ", in <module>\n"
    if line.startswith('  File "<stdin>", line ') and line.endswith(ending):
        return line.removesuffix(ending) + "\n"
    return line


def execute(control, namespace, code):
    """Runs user code; exceptions are described, everything else of theirs propagates."""
    try:
        exec(compile(code, "<stdin>", "exec", dont_inherit=True), namespace)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        describe(control, error)


def run(control, outputs, namespace, request):
    """One run. Answers how it ended."""
    outcome = "completed"
    # Code of an earlier run may have put others in their place.
    sys.stdout, sys.stderr = outputs
    signal.signal(signal.SIGINT, control.interrupt)
    with Environment(request.get("envs") or {}):
        control.interrupted = False
        try:
            control.running = True
            execute(control, namespace, request["code"])
            for output in outputs:
                output.flush()
            control.running = False
        except SystemExit:
            pass
        except KeyboardInterrupt:
            outcome = "interrupted"
        control.running = False
        for output in outputs:
            output.flush()
    return outcome


def main():
    control = Control()
    outputs = TextOutput(control, "stdout", 1), TextOutput(control, "stderr", 2)
    sys.argv = [""]
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    for line in control.requests:
        outcome = run(control, outputs, module.__dict__, json.loads(line))
        control.send("control", outcome)


main()
