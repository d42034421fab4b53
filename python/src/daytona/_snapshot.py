"""Snapshots as the server describes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._model import Model
from .generated.enums import GpuType, SandboxClass, SnapshotState

if TYPE_CHECKING:
    from .generated.models.sandbox import BuildInfo


class Snapshot(Model):
    """A snapshot: an image with the resources of the sandboxes that are made from it.

    Attributes:
        id: Unique id.
        organization_id: Organization the snapshot belongs to.
        general: Whether it belongs to everybody and cannot be changed.
        name: Name, unique in the organization.
        image_name: Image it was made from, where it was not built.
        state: State of the snapshot.
        size: Size of the image in GB, once it is known.
        entrypoint: Program that its sandboxes start with, and its arguments.
        cpu: CPU cores of its sandboxes.
        gpu: GPUs of its sandboxes.
        gpu_type: Kind of these GPUs.
        mem: Memory of its sandboxes in GiB.
        disk: Disk of its sandboxes in GiB.
        error_reason: Reason for the state `error` or `build_failed`.
        created_at: Time it was created.
        updated_at: Time it last changed.
        last_used_at: Time a sandbox was last made from it.
        build_info: Description of how its image was built.
        region_ids: Regions it is available in.
        initial_runner_id: Machine that made it.
        ref: Reference of its image where it is stored.
        sandbox_class: Kind of its sandboxes.
        source_sandbox_id: Sandbox it was made from.
    """

    __slots__ = (
        "build_info",
        "cpu",
        "created_at",
        "disk",
        "entrypoint",
        "error_reason",
        "general",
        "gpu",
        "gpu_type",
        "id",
        "image_name",
        "initial_runner_id",
        "last_used_at",
        "mem",
        "name",
        "organization_id",
        "ref",
        "region_ids",
        "sandbox_class",
        "size",
        "source_sandbox_id",
        "state",
        "updated_at",
    )

    def __init__(
        self,
        id: str,
        name: str,
        state: SnapshotState,
        general: bool,
        cpu: int,
        gpu: int,
        mem: int,
        disk: int,
        created_at: datetime,
        updated_at: datetime,
        *,
        organization_id: str | None = None,
        image_name: str | None = None,
        size: float | None = None,
        entrypoint: list[str] | None = None,
        gpu_type: GpuType | None = None,
        error_reason: str | None = None,
        last_used_at: datetime | None = None,
        build_info: BuildInfo | None = None,
        region_ids: list[str] | None = None,
        initial_runner_id: str | None = None,
        ref: str | None = None,
        sandbox_class: SandboxClass | None = None,
        source_sandbox_id: str | None = None,
    ) -> None:
        self.id = id
        self.organization_id = organization_id
        self.general = general
        self.name = name
        self.image_name = image_name
        self.state = state
        self.size = size
        self.entrypoint = entrypoint
        self.cpu = cpu
        self.gpu = gpu
        self.gpu_type = gpu_type
        self.mem = mem
        self.disk = disk
        self.error_reason = error_reason
        self.created_at = created_at
        self.updated_at = updated_at
        self.last_used_at = last_used_at
        self.build_info = build_info
        self.region_ids = region_ids
        self.initial_runner_id = initial_runner_id
        self.ref = ref
        self.sandbox_class = sandbox_class
        self.source_sandbox_id = source_sandbox_id

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Snapshot:
        """Reads it from the core's JSON."""
        from .generated.models.sandbox import BuildInfo

        get = wire.get
        return cls(
            id=wire["id"],
            name=wire["name"],
            state=SnapshotState(wire["state"]),
            general=wire["general"],
            cpu=wire["cpu"],
            gpu=wire["gpu"],
            mem=wire["mem"],
            disk=wire["disk"],
            created_at=_time(wire["createdAt"]),
            updated_at=_time(wire["updatedAt"]),
            organization_id=get("organizationId"),
            image_name=get("imageName"),
            size=get("size"),
            entrypoint=get("entrypoint"),
            gpu_type=GpuType(wire["gpuType"]) if get("gpuType") is not None else None,
            error_reason=get("errorReason"),
            last_used_at=_time(wire["lastUsedAt"]) if get("lastUsedAt") is not None else None,
            build_info=BuildInfo.from_wire(wire["buildInfo"]) if get("buildInfo") is not None else None,
            region_ids=get("regionIds"),
            initial_runner_id=get("initialRunnerId"),
            ref=get("ref"),
            sandbox_class=SandboxClass(wire["sandboxClass"]) if get("sandboxClass") is not None else None,
            source_sandbox_id=get("sourceSandboxId"),
        )


def _time(text: str) -> datetime:
    # Python 3.10 knows neither the letter nor fractions of another length than three or six digits.
    text = text.replace("Z", "+00:00")
    return datetime.fromisoformat(text) if text else datetime.min
