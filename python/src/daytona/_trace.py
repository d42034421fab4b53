"""The span that the caller is in, where the program has OpenTelemetry's API."""

from __future__ import annotations

import sys
from typing import Any


def current_trace() -> dict[str, Any] | None:
    """The context of the current span, as it travels; nothing without the API, or outside of a span."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    try:
        context = api.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & 1:02x}"
        return {"parent": parent, "state": context.trace_state.to_header()}
    except Exception:  # Another version's API, or one that is being imported: tracing is no reason to fail.
        return None
