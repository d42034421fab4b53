"""Expectations of the cases: matchers and errors."""

from __future__ import annotations

import base64
import re
from typing import Any

_TYPES: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
    "null": type(None),
}


def content(value: Any) -> bytes | None:
    """The bytes that `{"$text"}` or `{"$base64"}` stands for."""
    if isinstance(value, dict) and "$text" in value:
        return value["$text"].encode()
    if isinstance(value, dict) and "$base64" in value:
        return base64.b64decode(value["$base64"])
    return None


def difference(expected: Any, actual: Any, at: str = "result") -> str | None:
    """What is not as expected, or `None`."""
    if isinstance(actual, bytes):
        wanted = content(expected)
        if wanted is not None:
            return None if wanted == actual else f"{at}: {actual!r} is not {wanted!r}"
        if not isinstance(expected, dict) or not any(key.startswith("$") for key in expected):
            return f"{at}: bytes were not expected"
    if isinstance(expected, dict):
        matchers = [key for key in expected if key.startswith("$")]
        if matchers:
            return _match(matchers[0], expected[matchers[0]], actual, at)
        if not isinstance(actual, dict):
            return f"{at}: {actual!r} is no object"
        return _first(difference(value, actual.get(key, Missing), f"{at}.{key}") for key, value in expected.items())
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(expected) != len(actual):
            return f"{at}: {actual!r} is not a list of {len(expected)}"
        pairs = zip(expected, actual, strict=True)
        return _first(difference(e, a, f"{at}[{i}]") for i, (e, a) in enumerate(pairs))
    if isinstance(expected, bool) is not isinstance(actual, bool) or expected != actual:
        return f"{at}: {actual!r} is not {expected!r}"
    return None


class Missing:
    """Stands for a key that is not there."""


def _match(matcher: str, wanted: Any, actual: Any, at: str) -> str | None:
    if isinstance(actual, bytes):
        actual = actual.decode(errors="replace")
    if matcher == "$absent":
        good = (actual is None or actual is Missing) is wanted
    elif matcher == "$contains":
        good = isinstance(actual, str) and wanted in actual
    elif matcher == "$regex":
        good = isinstance(actual, str) and re.search(wanted, actual) is not None
    elif matcher == "$type":
        good = isinstance(actual, _TYPES[wanted]) and (wanted != "number" or not isinstance(actual, bool))
    elif matcher == "$length":
        good = isinstance(actual, (list, str, dict)) and len(actual) == wanted
    elif matcher == "$some":
        good = isinstance(actual, list) and any(difference(wanted, item) is None for item in actual)
    else:
        return f"{at}: the matcher {matcher} is not known"
    return None if good else f"{at}: {actual!r} does not meet {matcher} {wanted!r}"


def _first(differences: Any) -> str | None:
    return next((found for found in differences if found is not None), None)
