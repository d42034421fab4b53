"""What the client does, told to Python's logging: the logger `daytona`.

Records wait in the library until a call ends, and are passed on in the thread that made it. A program that has not
imported `logging` pays for none of it.
"""

from __future__ import annotations

import sys
from json import loads
from typing import TYPE_CHECKING, Any, cast

from ._daytona import set_log_level, take_log

if TYPE_CHECKING:
    from logging import Logger

# Python's levels by the library's words.
_LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40}

_logger: Logger | None = None
_level = "off"


def ask_for_records() -> None:
    """Asks for the records that the logger wants; before a call."""
    global _level, _logger
    logger = _logger
    if logger is None:
        logging: Any = sys.modules.get("logging")
        # Another thread may be importing it.
        if logging is None or not hasattr(logging, "getLogger"):
            return
        logger = _logger = cast("Logger", logging.getLogger("daytona"))
        # Without handlers of the program's own, Python would print warnings.
        logger.addHandler(logging.NullHandler())
    wanted = "off"
    for word, level in _LEVELS.items():
        if logger.isEnabledFor(level):
            wanted = word
            break
    if wanted != _level:
        set_log_level(wanted)
        _level = wanted


def pass_records_on() -> None:
    """Passes on the records there are; after a call."""
    text = take_log()
    if text is None or _logger is None:
        return
    records: list[dict[str, Any]] = loads(text)
    for record in records:
        level = _LEVELS[record["level"]]
        if _logger.isEnabledFor(level):
            fields = {_snake(name): value for name, value in record["fields"].items()}
            entry = _logger.makeRecord(_logger.name, level, "daytona", 0, record["message"], (), None, None, fields)
            entry.created = record["time"]
            entry.msecs = record["time"] % 1 * 1000
            _logger.handle(entry)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
