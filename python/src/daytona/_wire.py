"""The envelope of a call, and the outcome of one."""

from __future__ import annotations

from json import dumps, loads
from typing import TYPE_CHECKING, Any

from ._daytona import OK
from ._errors import cancelled, error_from_wire

if TYPE_CHECKING:
    from ._daytona import Outcome

# Size of a batch that a stream is asked for, in bytes.
BATCH = 256 * 1024


def target(sandbox_id: str, toolbox_url: str) -> str:
    """The part of the envelope that names a sandbox's toolbox."""
    return f'"target":{dumps({"id": sandbox_id, "url": toolbox_url})},'


def envelope(target: str, args: dict[str, Any], request_timeout: float | None) -> str:
    """The parameters of a call."""
    limit = "" if request_timeout is None else f'"requestTimeout":{dumps(request_timeout)},'
    return f'{{{target}{limit}"args":{dumps(args)}}}'


def result(outcome: Outcome) -> Any:
    """The JSON of an outcome; raises what went wrong."""
    status, text = outcome[0], outcome[1]
    if status == OK:
        return loads(text) if text else None
    raise failure(outcome)


def failure(outcome: Outcome) -> Exception:
    """The exception of an outcome that is no result."""
    return error_from_wire(outcome[1]) if outcome[1] else cancelled()
