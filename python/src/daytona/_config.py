"""Where the client connects to and as whom, and the native client made from it."""

from __future__ import annotations

from json import dumps
from os import environ, fspath
from typing import TYPE_CHECKING

from ._daytona import SCHEMA_HASH as LIBRARY_HASH
from ._daytona import Client
from ._errors import error_from_wire
from ._model import Model
from .generated.schema import SCHEMA_HASH

if TYPE_CHECKING:
    from os import PathLike

if SCHEMA_HASH != LIBRARY_HASH:
    raise ImportError(
        f"daytona: the native library was built from another schema ({LIBRARY_HASH}) than the package "
        f"({SCHEMA_HASH}). Reinstall the package."
    )


class DaytonaConfig(Model):
    """Configuration of a client. What is not given comes from the environment, `.env.local`, `.env`, or the default.

    Attributes:
        api_key: API key (`DAYTONA_API_KEY`).
        api_url: Base URL of the API (`DAYTONA_API_URL`), or `local` for the local engine. Default: Daytona's cloud.
        target: Region for new sandboxes (`DAYTONA_TARGET`). Default: the organization's.
        jwt_token: JSON Web Token (`DAYTONA_JWT_TOKEN`), used when there is no API key; needs `organization_id`.
        organization_id: Organization (`DAYTONA_ORGANIZATION_ID`).
        ca_cert: PEM file with additional certificate authorities.
        use_deprecated_polling: Wait by polling only, without events (`DAYTONA_USE_DEPRECATED_POLLING`).
        local_binary: The `daytona` program that serves the local engine (`DAYTONA_LOCAL_BINARY`). Default: the one
            that `pip install 'daytona[local]'` installs, else the one on `PATH`.
        local_state_dir: Where the local engine keeps its state (`DAYTONA_LOCAL_STATE_DIR`).
    """

    __slots__ = (
        "api_key",
        "api_url",
        "target",
        "jwt_token",
        "organization_id",
        "ca_cert",
        "use_deprecated_polling",
        "local_binary",
        "local_state_dir",
    )

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_url: str | None = None,
        server_url: str | None = None,
        target: str | None = None,
        jwt_token: str | None = None,
        organization_id: str | None = None,
        connection_pool_maxsize: int | None = None,
        ca_cert: str | PathLike[str] | None = None,
        use_deprecated_polling: bool | None = None,
        local_binary: str | PathLike[str] | None = None,
        local_state_dir: str | PathLike[str] | None = None,
    ) -> None:
        """Makes a configuration.

        Args:
            server_url: Former name of `api_url`.
            connection_pool_maxsize: Accepted and without effect: the number of connections is not capped.
        """
        self.api_key = api_key
        self.api_url = api_url or server_url
        self.target = target
        self.jwt_token = jwt_token
        self.organization_id = organization_id
        self.ca_cert = None if ca_cert is None else fspath(ca_cert)
        self.use_deprecated_polling = use_deprecated_polling
        self.local_binary = None if local_binary is None else fspath(local_binary)
        self.local_state_dir = None if local_state_dir is None else fspath(local_state_dir)


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
    wire = {
        "apiKey": config.api_key,
        "apiUrl": config.api_url,
        "target": config.target,
        "jwtToken": config.jwt_token,
        "organizationId": config.organization_id,
        "caCert": config.ca_cert,
        "useDeprecatedPolling": config.use_deprecated_polling,
        "localBinary": binary,
        "localStateDir": config.local_state_dir,
        "source": source,
    }
    try:
        return Client(dumps(wire))
    except ValueError as refused:
        text = str(refused)
    raise error_from_wire(text)
