"""What is idiom in images: how a step is taken, and how they are compared and shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from json import dumps, loads
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, cast

from ._arguments import unusable
from ._daytona import image_step
from .generated.errors import error_from_wire
from .generated.models.sandbox import Context

if TYPE_CHECKING:
    from typing_extensions import Self


class ImageBuilder:
    """The base of `Image`, which has the steps."""

    __slots__ = ("_context_list", "_dockerfile")

    def __init__(self) -> None:
        self._dockerfile = ""
        self._context_list: list[Context] = []

    def dockerfile(self) -> str:
        """The Dockerfile."""
        return self._dockerfile

    @property
    def context_list(self) -> list[Context]:
        """The local files that the Dockerfile copies."""
        return list(self._context_list)

    def _step(self, step: str, *args: Any, **options: Any) -> Self:
        image = {"dockerfile": self._dockerfile, "contexts": [context.to_wire() for context in self._context_list]}
        given = [*map(_plain, args), options]
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        try:
            request = dumps({"image": image, "step": step, "args": given, "python": python}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise unusable("argument of " + step, None, str(error)) from None
        try:
            taken: dict[str, Any] = loads(image_step(request))
        except ValueError as refused:
            text = str(refused)
        else:
            self._dockerfile = taken["dockerfile"]
            self._context_list = [Context.from_wire(context) for context in taken["contexts"]]
            return self
        raise error_from_wire(text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageBuilder):
            return NotImplemented
        return self._dockerfile == other._dockerfile and self._context_list == other._context_list

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = self._dockerfile.splitlines()
        return f"Image({lines[0] if lines else ''!r}, {len(lines)} lines, {len(self._context_list)} contexts)"


def listed(*given: object) -> list[Any]:
    """Values that are given by themselves or in lists."""
    lists = ([value] if (items := _items(value)) is None else items for value in given if value is not None)
    return [item for items in lists for item in items]


def _items(value: Any) -> list[Any] | None:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return None
    return list(cast("Iterable[Any]", value))


def _plain(value: Any) -> Any:
    """What JSON has for a value: texts of paths, lists, and pairs of names and values in their order."""
    if isinstance(value, PathLike):
        return fspath(cast("PathLike[str]", value))
    if isinstance(value, Mapping):
        return list(cast("Mapping[str, Any]", value).items())
    items = _items(value)
    return value if items is None else [_plain(item) for item in items]
