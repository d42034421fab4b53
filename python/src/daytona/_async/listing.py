"""Lists of sandboxes: pages with numbers, and iteration over all."""
# The synchronous twin of this file is derived from it by `cargo xtask codegen`.

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from ..generated.async_ops.sandbox import AsyncSandboxesOps
from ..generated.models.sandbox import ListSandboxesQuery
from .runtime import MaybeAwaited, begun
from .sandbox import AsyncSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._daytona import Client
    from ..generated.models.sandbox import PaginatedSandboxes as Page


class AsyncPaginatedSandboxes(MaybeAwaited):
    """Sandboxes: iterate over all of them, or look at one page, for which the asynchronous client is awaited first.

    Requests are made as they are needed, and errors appear there. Iteration begins at the page that was asked for;
    given a number, it goes through numbered pages, and may miss sandboxes or see some twice while others create or
    delete some. Without a number it continues at a cursor, which is not affected.

    Attributes:
        items: The sandboxes of this page.
        total: Number of sandboxes on all pages.
        page: This page, from 1.
        total_pages: Number of pages.
        next_cursor: Where to continue: the `cursor` of the next query.

    A list by labels has page numbers, a list by query has a cursor; the fields of the other kind are `None`.
    """

    __slots__ = ("_client", "_cursor", "_items", "_labels", "_limit", "_loaded", "_number", "_ops", "_page", "_query")

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
        self._loaded = False
        self._page: Page | None = None
        self._cursor: str | None = None
        self._items: list[AsyncSandbox] = []

    async def _begin(self) -> None:
        if self._loaded:
            return
        if self._query is None:
            self._page = await self._ops.list_page(self._labels, self._number, self._limit)
            items = self._page.items
        else:
            part = await self._ops.list(self._query)
            self._cursor, items = part.next_cursor, part.items
        self._items = [AsyncSandbox(item, self._client) for item in items]
        self._loaded = True

    @property
    def items(self) -> list[AsyncSandbox]:
        """The sandboxes of this page."""
        begun(self._loaded, self._begin)
        return self._items

    @property
    def total(self) -> int | None:
        """Number of sandboxes on all pages."""
        begun(self._loaded, self._begin)
        return None if self._page is None else self._page.total

    @property
    def page(self) -> int | None:
        """This page, from 1."""
        begun(self._loaded, self._begin)
        return None if self._page is None else self._page.page

    @property
    def total_pages(self) -> int | None:
        """Number of pages."""
        begun(self._loaded, self._begin)
        return None if self._page is None else self._page.total_pages

    @property
    def next_cursor(self) -> str | None:
        """Where to continue: the `cursor` of the next query; `None` at the end."""
        begun(self._loaded, self._begin)
        return self._cursor

    async def __aiter__(self) -> AsyncIterator[AsyncSandbox]:
        if self._number is not None:
            number = self._number
            while True:
                page = await AsyncPaginatedSandboxes(self._client, None, self._labels, number, self._limit)
                for sandbox in page.items:
                    yield sandbox
                number += 1
                if number > (page.total_pages or 0):
                    return
        query = copy(self._query or ListSandboxesQuery(labels=self._labels, limit=self._limit))
        while True:
            response = await self._ops.list(query)
            for item in response.items:
                yield AsyncSandbox(item, self._client)
            query.cursor = response.next_cursor
            if not query.cursor:
                return
