"""An image in the parameters of what is made from it: its name, or an `Image`."""

from __future__ import annotations

from typing import Any

from ._arguments import unusable


def with_image(image: object, wire: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the core has them: of an `Image` its Dockerfile and its local files."""
    if image is None or isinstance(image, str):
        return wire
    # Loaded only by programs that build images.
    from .generated.image import Image

    if not isinstance(image, Image):
        raise unusable("image", image, 'it must be an Image, or a reference like "python:3.12-slim"')
    contexts = [context.to_wire() for context in image.context_list]
    return {**wire, "image": None, "dockerfile": image.dockerfile(), "contexts": contexts}
