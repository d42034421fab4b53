"""Types for annotations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

T = TypeVar("T")

CodeLanguageLiteral = Literal["python", "typescript", "javascript"]
"""Languages of `code_run`, as text."""

LspLanguageIdLiteral = Literal["python", "typescript", "javascript"]
"""Languages of language servers, as text."""

SupportedPythonSeries = Literal["3.9", "3.10", "3.11", "3.12", "3.13"]
"""Series of Python that images are made with."""

OutputHandler = Callable[[T], "None | Awaitable[None]"]
"""A function that is called with each piece of output; an asynchronous one is awaited by the asynchronous client."""
