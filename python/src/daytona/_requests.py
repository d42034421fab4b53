"""Parameters in the forms callers like, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ._arguments import unknown_names, unusable
from .generated.create_params import CreateSandboxBaseParams
from .generated.errors import DaytonaInvalidArgumentError
from .generated.models.process import PtySize, SessionExecuteRequest
from .generated.models.sandbox import CreateSandboxParams, ListSandboxesQuery

if TYPE_CHECKING:
    from .generated.create_params import CreateFields
    from .generated.models.code_interpreter import InterpreterContext
    from .generated.models.snapshot import Snapshot

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
    # Of sandboxes from a snapshot or an image only; the server says what does not go together.
    source = {name: given.pop(name, None) for name in ("snapshot", "image", "build_secrets", "resources")}
    base = CreateSandboxBaseParams(**given)
    for name, value in source.items():
        setattr(base, name, value)
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


def snapshot_id(snapshot: Snapshot | str) -> str:
    """Id or name of a snapshot that is given as such or by one of them."""
    return snapshot if isinstance(snapshot, str) else snapshot.id


def context_id(context: InterpreterContext | str | None) -> Any:
    """Id of a context that is given as such or by its id."""
    return context if context is None or isinstance(context, str) else context.id


# Other spellings of the fields of a session command.
_SPELLINGS = {
    "async": "run_async",
    "runAsync": "run_async",
    "suppressInputEcho": "suppress_input_echo",
    "var_async": "run_async",
}


def session_request(request: SessionExecuteRequest | Mapping[str, Any] | str) -> SessionExecuteRequest:
    """A session command from a request, a mapping in any of its spellings, or just the command's text."""
    if isinstance(request, str):
        return SessionExecuteRequest(request)
    if isinstance(request, Mapping):
        fields = {_SPELLINGS.get(name, name): value for name, value in request.items() if value is not None}
        request = cast("Mapping[str, Any]", {"command": "", **fields})
    return SessionExecuteRequest.given("req", request)


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
