"""What is looked at before an argument is handed on, where JSON or `bytes` would silently make something else of it."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, cast

from .generated.errors import DaytonaInvalidArgumentError


def unusable(name: str, value: object, way: str) -> DaytonaInvalidArgumentError:
    """The error for an argument: what it is called, what was given, and what it must be.

    Of containers and bytes only the type is shown: their content may be secret.
    """
    plain = value is None or isinstance(value, (str, int, float)) or hasattr(value, "__fspath__")
    shown = f"{value!r:.60}" if plain else f"of type {type(value).__name__}"
    return DaytonaInvalidArgumentError(f"The {name} {shown} is not usable: {way}.")


def unknown_names(owner: str, given: Iterable[object], known: Iterable[str]) -> None:
    """Refuses names that `owner` does not have, with the name that was probably meant."""
    known = sorted(known)
    for name in given:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(str(name), known, 1)
            way = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}."
            raise DaytonaInvalidArgumentError(f"There is no {name!r} in {owner}: {way}")


def check_timeout(timeout: Any) -> None:
    """Refuses what is neither a number of seconds nor `None`."""
    if timeout is None:
        return
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not isfinite(timeout) or timeout < 0:
        raise unusable("timeout", timeout, "it must be a finite number of seconds, 0 for no limit")


def bytes_of(name: str, data: Any) -> bytes:
    """Content as bytes: `bytes(5)` would be five zeros, and `bytes([5])` one byte."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(cast("bytearray", data))
    raise unusable(name, data, "it must be bytes, a bytearray or a memoryview")


def text_or_bytes(name: str, data: Any) -> bytes:
    """Content as bytes: of text, its UTF-8."""
    return data.encode() if isinstance(data, str) else bytes_of(name, data)


def environment(*forms: dict[str, str] | None) -> dict[str, str] | None:
    """The environment variables, under whichever name they were given."""
    given = [form for form in forms if form is not None]
    if len(given) > 1:
        raise DaytonaInvalidArgumentError("Environment variables were given under more than one name.")
    return given[0] if given else None
