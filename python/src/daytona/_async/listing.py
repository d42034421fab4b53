"""Lists of sandboxes: pages with numbers, and iteration over all."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from .._errors import DaytonaError
from ..generated.async_ops.sandbox import AsyncSandboxesOps
from ..generated.models.sandbox import ListSandboxesQuery
from .sandbox import AsyncSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from .._daytona import Client
    from ..generated.models.sandbox import PaginatedSandboxes as Page


class AsyncPaginatedSandboxes:
    """Sandboxes: `async for` goes over all of them, `await` gets one page, whose fields can then be read.

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
        self._ops = AsyncSandboxesOps(client)
        self._query = query
        self._labels = labels
        self._number = page
        self._limit = limit
        self._loaded: Page | None = None
        self._items: list[AsyncSandbox] = []

    def __await__(self) -> Generator[Any, None, AsyncPaginatedSandboxes]:
        return self._load().__await__()

    async def _load(self) -> AsyncPaginatedSandboxes:
        if self._loaded is None:
            labels = self._labels if self._query is None else self._query.labels
            limit = self._limit if self._query is None else self._query.limit
            self._loaded = await self._ops.list_page(labels, self._number, limit)
            self._items = [AsyncSandbox(item, self._client) for item in self._loaded.items]
        return self

    def _page(self) -> Page:
        if self._loaded is None:
            raise DaytonaError("The page has not been read yet: `page = await daytona.list(...)`.")
        return self._loaded

    @property
    def items(self) -> list[AsyncSandbox]:
        """The sandboxes of this page."""
        self._page()
        return self._items

    @property
    def total(self) -> int:
        """Number of sandboxes on all pages."""
        return self._page().total

    @property
    def page(self) -> int:
        """This page, from 1."""
        return self._page().page

    @property
    def total_pages(self) -> int:
        """Number of pages."""
        return self._page().total_pages

    async def __aiter__(self) -> AsyncIterator[AsyncSandbox]:
        if self._number is not None:
            number = self._number
            while True:
                page = await AsyncPaginatedSandboxes(self._client, None, self._labels, number, self._limit)
                for sandbox in page.items:
                    yield sandbox
                number += 1
                if number > page.total_pages:
                    return
        query = copy(self._query or ListSandboxesQuery(labels=self._labels, limit=self._limit))
        while True:
            response = await self._ops.list(query)
            for item in response.items:
                yield AsyncSandbox(item, self._client)
            query.cursor = response.next_cursor
            if not query.cursor:
                return
