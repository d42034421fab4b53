"""What a test does to its engine: move its clock, let requests fail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from ..generated.errors import DaytonaError

# The engine is on this machine: no proxy is on the way to it.
_open = build_opener(ProxyHandler({})).open


class Control:
    """Requests to `/api/testing` of one engine."""

    def __init__(self, api_url: str, api_key: str) -> None:
        self._url = f"{api_url}/testing/"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data=data, headers=self._headers, method=method)
        try:
            with _open(request) as response:
                answer = response.read()
        except HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                text = str(json.loads(text)["message"])
            except (ValueError, KeyError, TypeError):
                pass
            raise DaytonaError(text) from None
        return json.loads(answer) if answer else None


@dataclass(frozen=True)
class Done:
    """Something an interval did while time was moved."""

    at: datetime
    """When, in the engine's time."""
    sandbox_id: str
    """Id of the sandbox."""
    action: Literal["stop", "pause", "archive", "delete"]
    """What was done to it."""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Clock:
    """The engine's time. Programs inside sandboxes keep the machine's."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def now(self) -> datetime:
        """Returns the engine's time, in UTC."""
        return _time(self._control("GET", "clock")["now"])

    def advance(self, time: str | float | timedelta) -> list[Done]:
        """Moves time ahead, for intervals, times to live and tokens, and returns when all that was due has happened.

        Args:
            time: Seconds, a `timedelta`, or text such as `"30m"` or `"1d12h"` with the units ms, s, m, h, d. At most
                10 years.

        Returns:
            What intervals did, oldest first.

        Raises:
            DaytonaError: `time` is not a duration.
        """
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        done = cast("list[dict[str, Any]]", self._control("POST", "clock", {"advance": seconds})["done"])
        return [Done(_time(each["at"]), each["sandboxId"], each["action"]) for each in done]


class Faults:
    """Requests that fail. Of several rules the first one that fits a request applies, and is used up by it."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add(
        self, do: Mapping[str, Any], *, path: str = "", method: str | None = None, skip: int = 0, times: int = 1
    ) -> None:
        """Lets requests fail from now on.

        Args:
            do: The fault, one of `{"drop": "before" | "after"}`, `{"delay": seconds}`, `{"answer": {"status": 429,
                "headers": {}, "body": "", "committed": False}}`, `{"cut": bytes}`, `{"slowStart": seconds}`,
                `{"kill": True}`.
            path: Text that the request's path and query must contain. Default: any.
            method: HTTP method. Default: any.
            skip: Number of fitting requests that pass first.
            times: Number of requests that fail, 0 for all.

        Raises:
            DaytonaError: There is no such fault.
        """
        self.extend([{"do": do, "path": path, "method": method, "skip": skip, "times": times}])

    def extend(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Adds rules as they are in a file for `daytona local serve --faults`.

        Args:
            rules: The rules, each with `do` and, as for `add`, `path`, `method`, `skip` and `times`.

        Raises:
            DaytonaError: A rule cannot be read.
        """
        self._control("POST", "faults", list(rules))

    def left(self) -> list[dict[str, Any]]:
        """Returns the rules that are not used up."""
        return cast("list[dict[str, Any]]", self._control("GET", "faults"))

    def clear(self) -> None:
        """Lets everything succeed again."""
        self._control("DELETE", "faults")
