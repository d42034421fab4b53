"""Where the client connects to and as whom, and the native client made from it."""

from __future__ import annotations

from json import dumps
from os import environ

from ._daytona import SCHEMA_HASH as LIBRARY_HASH
from ._daytona import Client
from .generated.config import DaytonaConfig
from .generated.errors import error_from_wire
from .generated.schema import SCHEMA_HASH

if SCHEMA_HASH != LIBRARY_HASH:
    raise ImportError(
        f"daytona: the native library was built from another schema ({LIBRARY_HASH}) than the package "
        f"({SCHEMA_HASH}). Reinstall the package."
    )


def packaged_program() -> str | None:
    """Path of the `daytona` program in the package `daytona-local`, which the extra `daytona[local]` installs."""
    try:
        from daytona_local import PROGRAM
    except ModuleNotFoundError:
        return None
    return PROGRAM


def open_client(config: DaytonaConfig | None, source: str) -> Client:
    """Makes the native client, which tells servers that it is `source`.

    Raises:
        `DaytonaAuthenticationError` without credentials, `DaytonaInvalidArgumentError` for an unusable value.
    """
    config = DaytonaConfig.given("config", config or {})
    binary = config.local_binary
    if binary is None and not environ.get("DAYTONA_LOCAL_BINARY"):
        binary = packaged_program()
    wire = {**config.to_wire(), "localBinary": binary, "source": source}
    try:
        return Client(dumps(wire))
    except ValueError as refused:
        text = str(refused)
    raise error_from_wire(text)
