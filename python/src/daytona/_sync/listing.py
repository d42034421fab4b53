"""Lists of sandboxes: pages with numbers, and iteration over all."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from ..generated.models.sandbox import ListSandboxesQuery
from ..generated.ops.sandbox import SandboxesOps
from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._daytona import Client
    from ..generated.models.sandbox import PaginatedSandboxes as Page


class PaginatedSandboxes:
    """Sandboxes: iterate over all of them, or look at one page.

    Requests are made as they are needed, and errors appear there. Iteration begins at the page that was asked for.

    Attributes:
        items: The sandboxes of this page.
        total: Number of sandboxes on all pages.
        page: This page, from 1.
        total_pages: Number of pages.
    """

    __slots__ = ("_client", "_items", "_labels", "_limit", "_loaded", "_number", "_ops", "_query")

    def __init__(
        self,
        client: Client,
        query: ListSandboxesQuery | None,
        labels: dict[str, str] | None,
        page: int | None,
        limit: int | None,
    ) -> None:
        self._client = client
        self._ops = SandboxesOps(client)
        self._query = query
        self._labels = labels
        self._number = page
        self._limit = limit
        self._loaded: Page | None = None
        self._items: list[Sandbox] = []

    def _load(self) -> Page:
        if self._loaded is None:
            labels = self._labels if self._query is None else self._query.labels
            limit = self._limit if self._query is None else self._query.limit
            self._loaded = self._ops.list_page(labels, self._number, limit)
            self._items = [Sandbox(item, self._client) for item in self._loaded.items]
        return self._loaded

    @property
    def items(self) -> list[Sandbox]:
        """The sandboxes of this page."""
        self._load()
        return self._items

    @property
    def total(self) -> int:
        """Number of sandboxes on all pages."""
        return self._load().total

    @property
    def page(self) -> int:
        """This page, from 1."""
        return self._load().page

    @property
    def total_pages(self) -> int:
        """Number of pages."""
        return self._load().total_pages

    def __iter__(self) -> Iterator[Sandbox]:
        if self._number is not None:
            yield from self.items
            for number in range(self.page + 1, self.total_pages + 1):
                yield from PaginatedSandboxes(self._client, None, self._labels, number, self._limit).items
            return
        query = copy(self._query or ListSandboxesQuery(labels=self._labels, limit=self._limit))
        while True:
            response = self._ops.list(query)
            for item in response.items:
                yield Sandbox(item, self._client)
            query.cursor = response.next_cursor
            if not query.cursor:
                return
