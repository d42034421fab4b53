"""The object storage that the contexts of builds are uploaded to."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from ..generated.config import DaytonaConfig
from ..generated.models.snapshot import PushAccessCredentials
from .client import AsyncDaytona

# A client has a key, which the storage is not sent.
NO_KEY = "object-storage"


class AsyncObjectStorage:
    """Uploads files and directories as contexts of builds, for programs that do not leave that to `create`.

    The credentials are those of `daytona.snapshot.push_access()`.

    Args:
        endpoint_url: URL of the storage, which speaks S3's protocol.
        aws_access_key_id: Access key.
        aws_secret_access_key: Secret that belongs to the access key.
        aws_session_token: Token that says for how long, and for which objects, the access key is valid.
        bucket_name: Bucket.

    Attributes:
        bucket_name: Bucket.
    """

    __slots__ = ("_access", "_daytona", "bucket_name")

    def __init__(
        self,
        endpoint_url: str,
        aws_access_key_id: str,
        aws_secret_access_key: str,
        aws_session_token: str,
        bucket_name: str = "daytona-volume-builds",
    ) -> None:
        self.bucket_name = bucket_name
        self._access = PushAccessCredentials(
            storage_url=endpoint_url,
            access_key=aws_access_key_id,
            secret=aws_secret_access_key,
            session_token=aws_session_token,
            bucket=bucket_name,
            organization_id="",
        )
        self._daytona = AsyncDaytona(DaytonaConfig(api_key=NO_KEY))

    async def upload(self, path: str, organization_id: str, archive_base_path: str | None = None) -> str:
        """Uploads a file or directory, unless it is there already.

        Args:
            path: Local file or directory.
            organization_id: Organization whose credentials they are.
            archive_base_path: Path by which a Dockerfile names it. Default: `path` without what leads to the root of
                the file system.

        Returns:
            The hash of the context: 32 hexadecimal digits.

        Raises:
            `DaytonaInvalidArgumentError` when a file cannot be read, `DaytonaAuthorizationError` when the storage
            refuses the credentials.
        """
        access = PushAccessCredentials(
            storage_url=self._access.storage_url,
            access_key=self._access.access_key,
            secret=self._access.secret,
            session_token=self._access.session_token,
            bucket=self.bucket_name,
            organization_id=organization_id,
        )
        return await self._daytona.snapshot.upload_context(access, path, archive_base_path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint_url={self._access.storage_url!r}, bucket_name={self.bucket_name!r})"
