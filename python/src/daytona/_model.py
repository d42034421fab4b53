"""What models and enums have in common."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ._arguments import bytes_of

# Fields whose values are not for logs.
_SECRETS = frozenset({"env", "envs", "env_vars", "token", "api_key", "jwt_token"})


class Model:
    """Base of the data classes: equal when all fields are equal, and printable without secrets."""

    __slots__ = ()

    @classmethod
    def _fields(cls) -> list[str]:
        slots: list[str] = []
        for base in reversed(cls.__mro__):
            names: tuple[str, ...] = base.__dict__.get("__slots__", ())
            slots.extend(name for name in names if not name.startswith("_"))
        return slots

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields())

    def __repr__(self) -> str:
        fields: list[str] = []
        for name in self._fields():
            value = getattr(self, name)
            if value is not None:
                fields.append(f"{name}=***" if name in _SECRETS and value else f"{name}={value!r}")
        text = f"{type(self).__name__}({', '.join(fields)})"
        # A signed URL contains its token.
        token = getattr(self, "token", None)
        return text.replace(token, "***") if token else text


class OpenEnum(str, Enum):
    """Base of the enums: their members are strings, and a value this version does not know is kept as it is."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        return member

    def __str__(self) -> str:
        return str.__str__(self)

    # By value: some versions of Python pickle by name, which a value this version does not know does not have.
    def __reduce_ex__(self, proto: object) -> tuple[type[OpenEnum], tuple[str]]:
        return type(self), (self._value_,)

    # Equal strings must have equal hashes; those of `Enum` are of the name.
    __hash__ = str.__hash__


def attach(blobs: list[bytes], content: Any) -> int:
    """Appends bytes to the attachments of a call and returns their index."""
    blobs.append(bytes_of("content", content))
    return len(blobs) - 1


def attached(blobs: list[bytes], index: int) -> bytes:
    """The attachment with this index."""
    return blobs[index]
