"""Former name of the package `daytona`: the same names, in the same modules."""

from typing import TYPE_CHECKING, Any

import daytona
from daytona import __all__ as __all__

if TYPE_CHECKING:
    from daytona import *  # noqa: F403
    from daytona.generated.to_come import *  # noqa: F403


def __getattr__(name: str) -> Any:
    return getattr(daytona, name)


def __dir__() -> list[str]:
    return dir(daytona)
