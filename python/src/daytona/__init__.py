"""Daytona: isolated sandboxes for AI agents and developers.

    from daytona import Daytona

    with Daytona() as daytona:
        sandbox = daytona.create()
        print(sandbox.process.exec("echo hello").result)
        sandbox.delete()

`AsyncDaytona` is the same for asyncio. Its part of the package is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._daytona import debug_stats
from .generated import errors, exports
from .generated.errors import *  # noqa: F403
from .generated.exports import *  # noqa: F403

if TYPE_CHECKING:
    from .generated import later
    from .generated.later import *  # noqa: F403
    from .generated.to_come import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from importlib import import_module

    # Documented names that are not there yet follow those that are loaded late.
    module = import_module(f"{__name__}.generated.{'later' if name in exports.LATER else 'to_come'}")
    if name not in module.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *exports.LATER})


__all__ = ["debug_stats"]
__all__ += errors.__all__
__all__ += exports.__all__
if TYPE_CHECKING:
    __all__ += later.__all__
else:
    __all__ += exports.LATER
