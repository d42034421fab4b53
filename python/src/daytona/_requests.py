"""Parameters in the forms callers like, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ._arguments import unknown_names, unusable
from ._model import Model
from .generated.create_params import CreateSandboxBaseParams
from .generated.errors import DaytonaInvalidArgumentError
from .generated.models.process import PtySize
from .generated.models.sandbox import CreateSandboxParams, ListSandboxesQuery

if TYPE_CHECKING:
    from .generated.create_params import CreateFields
    from .generated.models.code_interpreter import InterpreterContext

# What `create` takes by name.
_CREATE_FIELDS = frozenset({*CreateSandboxBaseParams.field_names(), "user", "env", "envs"})


def create_params(params: CreateSandboxParams | Mapping[str, Any] | None, fields: CreateFields) -> CreateSandboxParams:
    """The parameters of `create`: an object, a dictionary of its fields, or these as keywords."""
    if params is not None and fields:
        raise DaytonaInvalidArgumentError("Give either a parameters object or its fields as keywords, not both.")
    if params is not None and not isinstance(cast("object", params), Mapping):
        return CreateSandboxParams.given("params", params)
    given = dict(cast("Mapping[str, Any]", fields if params is None else params))
    unknown_names("the parameters of create", given, _CREATE_FIELDS)
    snapshot, image, resources = (given.pop(name, None) for name in ("snapshot", "image", "resources"))
    base = CreateSandboxBaseParams(**given)
    base.snapshot, base.image, base.resources = snapshot, image, resources
    return base


def listing(
    labels: ListSandboxesQuery | dict[str, str] | None,
    page: int | None,
    limit: int | None,
    query: ListSandboxesQuery | None,
) -> tuple[ListSandboxesQuery | None, dict[str, str] | None, int | None, int | None]:
    """The parameters of `list`: a query, or labels with page and limit."""
    if isinstance(labels, ListSandboxesQuery):
        query, labels = labels, None
    if query is not None and (labels is not None or page is not None or limit is not None):
        raise DaytonaInvalidArgumentError("Give either a query or labels, page and limit.")
    return None if query is None else ListSandboxesQuery.given("query", query), labels, page, limit


def context_id(context: InterpreterContext | str | None) -> Any:
    """Id of a context that is given as such or by its id."""
    return context if context is None or isinstance(context, str) else context.id


class CodeRunParams(Model):
    """Parameters of `code_run`.

    Attributes:
        argv: Arguments of the program.
        env: Environment variables on top of the sandbox's.
    """

    __slots__ = ("argv", "env")
    _secrets = frozenset(("env",))

    def __init__(self, argv: list[str] | None = None, env: dict[str, str] | None = None) -> None:
        self.argv = argv
        self.env = env


class SessionExecuteRequest(Model):
    """A command for a session.

    Attributes:
        command: The command text.
        run_async: Whether to return at once instead of waiting for the command to end. Default: false. May be given
            as `var_async`.
        suppress_input_echo: Whether to keep input sent to the command out of its log. Default: false.
    """

    __slots__ = ("command", "run_async", "suppress_input_echo")

    def __init__(
        self,
        command: str,
        run_async: bool | None = None,
        suppress_input_echo: bool | None = None,
        *,
        var_async: bool | None = None,
    ) -> None:
        self.command = command
        self.run_async = run_async if run_async is not None else var_async
        self.suppress_input_echo = suppress_input_echo

    def to_wire(self) -> dict[str, Any]:
        """Writes it as the core's JSON."""
        return {
            "command": self.command,
            "runAsync": self.run_async,
            "suppressInputEcho": self.suppress_input_echo,
        }

    @property
    def var_async(self) -> bool | None:
        """The same as `run_async`."""
        return self.run_async

    @var_async.setter
    def var_async(self, value: bool | None) -> None:
        self.run_async = value


_RUN_ASYNC = ("run_async", "var_async", "runAsync", "async")


def session_request(request: SessionExecuteRequest | Mapping[str, Any] | str) -> SessionExecuteRequest:
    """A session command from a request, a mapping in any of its spellings, or just the command's text."""
    if isinstance(request, SessionExecuteRequest):
        return request
    if isinstance(request, str):
        return SessionExecuteRequest(request)
    given = {name: value for name, value in request.items() if value is not None}
    command = given.pop("command", "")
    run_async = [given.pop(name) for name in _RUN_ASYNC if name in given]
    quiet = [given.pop(name) for name in ("suppress_input_echo", "suppressInputEcho") if name in given]
    if given:
        raise DaytonaInvalidArgumentError(f"A session command has no {', '.join(sorted(given))}.")
    return SessionExecuteRequest(command, any(run_async), any(quiet))


def rows_and_cols(size: PtySize | None) -> tuple[int | None, int | None]:
    """A size as the core takes it: nothing when none is given."""
    if size is None:
        return None, None
    size = PtySize.given("pty_size", size)
    return size.rows, size.cols


def size_of(size: PtySize | int | None, rows: int | None, cols: int | None) -> PtySize:
    """A size from an object, from columns and rows, or from keywords."""
    if size is not None and not isinstance(size, int):
        return PtySize.given("pty_size", size)
    columns = size if size is not None else cols
    if columns is None or rows is None:
        raise DaytonaInvalidArgumentError("A terminal's size has columns and rows: resize(PtySize(rows=…, cols=…)).")
    return PtySize(rows=rows, cols=columns)


# Flags of Python's regular expressions, and how the core's write them.
_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"), (re.VERBOSE, "x"))


def log_pattern(pattern: str | re.Pattern[str], regex: bool) -> tuple[str, bool]:
    """A pattern as text, and whether it is a regular expression."""
    if isinstance(pattern, str):
        return pattern, regex
    if not isinstance(cast("object", pattern), re.Pattern) or not isinstance(cast("object", pattern.pattern), str):
        raise unusable("pattern", pattern, "it must be text or a regular expression of text")
    flags = "".join(letter for flag, letter in _FLAGS if pattern.flags & flag)
    return f"(?{flags}){pattern.pattern}" if flags else pattern.pattern, True


def signal_name(signal: int | str) -> str:
    """A signal as the core takes it."""
    if isinstance(signal, str):
        return signal
    if not isinstance(cast("object", signal), int) or isinstance(signal, bool):
        raise unusable("signal", signal, 'it must be for example signal.SIGTERM, 15 or "SIGTERM"')
    return str(int(signal))
