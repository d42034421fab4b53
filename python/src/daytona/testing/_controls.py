"""What a test does to its engine: move its clock, let requests fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from .._sync.runtime import Service


class Control(Service):
    """What an engine can be asked for; the core knows how."""

    def __call__(self, what: str, argument: Any = None) -> Any:
        return self._call(f"testing.{what}", {"argument": argument})


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
        return _time(self._control("now"))

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
        done = cast("list[dict[str, Any]]", self._control("advance", seconds))
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
        self._control("add_faults", list(rules))

    def left(self) -> list[dict[str, Any]]:
        """Returns the rules that are not used up."""
        return cast("list[dict[str, Any]]", self._control("faults"))

    def clear(self) -> None:
        """Lets everything succeed again."""
        self._control("clear_faults")
