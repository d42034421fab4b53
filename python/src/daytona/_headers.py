"""Headers of responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Headers(dict[str, str]):
    """Response headers: names are found in any case."""

    def __init__(self, headers: Mapping[str, Any] | None = None) -> None:
        super().__init__({name.lower(): str(value) for name, value in (headers or {}).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or the default."""
        return super().get(name.lower(), default)
