"""Documented names that this version does not have yet.

They can be imported, named in annotations and given to `isinstance`, so that a program that does not come to them runs.
Using them raises `NotYetError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .generated.errors import DaytonaNotImplementedError


class NotYetError(DaytonaNotImplementedError, AttributeError):
    """A documented name was used that this version does not have yet."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is documented, but not there yet in this version of the package: "
            "docs/compatibility.md lists what is there."
        )


class ToCome(type):
    """Metaclass of the classes that are not there yet."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotYetError(cls.__name__)

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            if name.startswith("__"):  # Python's own questions.
                raise AttributeError(name)
            raise NotYetError(f"{cls.__name__}.{name}")


def missing_attribute(owner: object, name: str) -> AttributeError:
    """The error for an attribute that an object does not have."""
    from .generated.to_come import MEMBERS

    cls = type(owner).__name__
    if f"{cls.removeprefix('Async')}.{name}" in MEMBERS:
        return NotYetError(f"{cls}.{name}")
    return AttributeError(f"{cls!r} object has no attribute {name!r}")
