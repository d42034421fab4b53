"""The envelope of a call, and the outcome of one."""

from __future__ import annotations

from json import JSONEncoder, dumps, loads
from math import isfinite
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from ._arguments import unusable
from ._daytona import OK
from ._log import ask_for_records, pass_records_on
from ._trace import current_trace
from .generated.errors import DaytonaCancelledError, error_from_wire

if TYPE_CHECKING:
    from ._daytona import Client, Outcome

# Made once: `dumps` makes an encoder for every call that refuses what is not JSON.
_encode = JSONEncoder(allow_nan=False).encode

# Size of a batch that a stream is asked for, in bytes.
BATCH = 256 * 1024


def target(sandbox_id: str, toolbox_url: str) -> str:
    """The part of the envelope that names a sandbox's toolbox."""
    return f'"target":{dumps({"id": sandbox_id, "url": toolbox_url})},'


def envelope(client: Client, target: str, args: dict[str, Any], request_timeout: float | None) -> str:
    """The parameters of a call of a client."""
    ask_for_records()
    if client.traced and (trace := current_trace()):
        target = f'{target}"trace":{dumps(trace)},'
    try:
        limit = "" if request_timeout is None else f'"requestTimeout":{_encode(request_timeout)},'
        return f'{{{target}{limit}"args":{_encode(args)}}}'
    except (TypeError, ValueError) as error:
        refuse({"request_timeout": request_timeout, **args}, error)
        raise


def refuse(args: dict[str, Any], error: Exception) -> None:
    """Raises the error that names the argument that is no JSON, if one is."""
    for name, value in args.items():
        if name == "options":
            refuse(value, error)
        else:
            # The name as Python has it.
            _refuse("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name), value, error)


def _refuse(name: str, value: Any, error: Exception) -> None:
    if isinstance(value, dict):
        for key, item in cast("dict[object, Any]", value).items():
            _refuse(f"{name}[{key!r}]", item, error)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            _refuse(name, item, error)
    elif isinstance(value, float):
        if not isfinite(value):
            raise unusable(name, value, "it must be a finite number") from error
    elif isinstance(value, (bytes, bytearray, memoryview)):
        raise unusable(name, cast("object", value), "it must be text: decode it") from error
    elif isinstance(value, PathLike):
        raise unusable(name, cast("object", value), "it must be text: str() of it") from error
    elif value is not None and not isinstance(value, (str, int)):
        raise unusable(name, value, "it must be text, a number, or a list or dictionary of them") from error


def result(outcome: Outcome) -> Any:
    """The JSON of an outcome, and with it what the call has made; raises what went wrong."""
    pass_records_on()
    status, text, _, _, made = outcome
    if status == OK:
        if made is not None:
            made.claim()
        return loads(text) if text else None
    raise failure(outcome)


def failure(outcome: Outcome) -> Exception:
    """The exception of an outcome that is no result."""
    return error_from_wire(outcome[1]) if outcome[1] else DaytonaCancelledError("The operation was cancelled.")
