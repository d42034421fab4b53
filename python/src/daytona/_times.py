"""Times as the server writes them."""

from __future__ import annotations

from datetime import datetime


def moment(text: str) -> datetime:
    """A time in ISO 8601; the earliest one for an empty text."""
    # Python 3.10 knows neither the letter nor fractions of another length than three or six digits.
    text = text.replace("Z", "+00:00")
    return datetime.fromisoformat(text) if text else datetime.min
