"""What models and enums have in common."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from ._arguments import bytes_of, unknown_names, unusable

if TYPE_CHECKING:
    from typing_extensions import Self

# How much a printed object shows of a text, and of a list.
_SHOWN_TEXT = 200
_SHOWN_ITEMS = 10


class Model:
    """Base of the data classes: equal when all fields are equal, and printable without secrets."""

    __slots__ = ()

    # Fields whose values are not for logs.
    _secrets: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def field_names(cls) -> list[str]:
        """Names of the fields, those of base classes first."""
        slots: list[str] = []
        for base in reversed(cls.__mro__):
            names: tuple[str, ...] = base.__dict__.get("__slots__", ())
            slots.extend(name for name in names if not name.startswith("_"))
        return slots

    @classmethod
    def given(cls, name: str, value: object) -> Self:
        """An argument that is to be of this class: such an object, or a dictionary of its fields."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            article = "an" if cls.__name__[0] in "AEIOU" else "a"
            raise unusable(name, value, f"it must be {article} {cls.__name__} or a dictionary of its fields")
        fields = cast("Mapping[str, Any]", value)
        unknown_names(name, fields, cls.field_names())
        try:
            return cls(**fields)
        except TypeError as error:  # A field that is required.
            raise unusable(name, fields, str(error).partition("() ")[2] or str(error)) from None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.field_names())

    def __repr__(self) -> str:
        fields: list[str] = []
        for name in self.field_names():
            value = getattr(self, name)
            if value is not None:
                fields.append(f"{name}=***" if name in self._secrets and value else f"{name}={shown(value)}")
        return f"{type(self).__name__}({', '.join(fields)})"


def shown(value: Any) -> str:
    """A value for people: long text and long lists are cut."""
    if isinstance(value, str) and len(value) > _SHOWN_TEXT:
        return f"{value[:_SHOWN_TEXT]!r}… ({len(value)} characters)"
    if isinstance(value, bytes) and len(value) > _SHOWN_TEXT:
        return f"{value[:_SHOWN_TEXT]!r}… ({len(value)} bytes)"
    items = cast("list[Any]", value) if isinstance(cast("object", value), list) else []
    if len(items) > _SHOWN_ITEMS:
        return f"[{', '.join(shown(item) for item in items[:_SHOWN_ITEMS])}, … ({len(items)} items)]"
    return repr(cast("object", value))


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
