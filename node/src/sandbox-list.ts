import type { Connection } from './connection.js';
import { DaytonaInvalidArgumentError } from './errors.js';
import type {
  ListPageOptions,
  ListSandboxesQuery,
  ListSandboxesResponse,
  SandboxInfo,
  SandboxPage,
} from './generated/models.js';
import { Sandbox } from './generated/sandbox.js';
import { type CallOptions, Service } from './service.js';

/**
 * A numbered page of sandboxes. Iterating over it goes through this page and all that follow, and may miss sandboxes or
 * see some twice while others create or delete some. Iterating over the list itself is not affected.
 */
export class PaginatedSandboxes implements AsyncIterable<Sandbox> {
  /** The sandboxes of this page. */
  readonly items: Sandbox[];
  /** Number of sandboxes on all pages. */
  readonly total: number;
  /** This page, from 1. */
  readonly page: number;
  /** Number of pages. */
  readonly totalPages: number;
  readonly #next: () => Promise<PaginatedSandboxes>;

  /** @internal */
  constructor(
    page: Pick<PaginatedSandboxes, 'items' | 'total' | 'page' | 'totalPages'>,
    next: () => Promise<PaginatedSandboxes>,
  ) {
    this.items = page.items;
    this.total = page.total;
    this.page = page.page;
    this.totalPages = page.totalPages;
    this.#next = next;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Sandbox> {
    yield* this.items;
    if (this.page < this.totalPages) {
      yield* await this.#next();
    }
  }
}

/** A part of a list, as one request returned it. */
export interface SandboxListPart {
  /** The sandboxes. */
  readonly items: Sandbox[];
  /** Where a later list may continue (`cursor` of a query), or nothing at the end. */
  readonly nextCursor?: string;
}

/**
 * Sandboxes to be listed. Nothing is fetched until you iterate over it, which goes through all of them, or `await` it,
 * which gives one numbered page. For the same reason an `async` function that returns a list resolves to its page.
 */
export class SandboxList extends Service implements AsyncIterableIterator<Sandbox>, PromiseLike<PaginatedSandboxes> {
  readonly #connection: Connection;
  readonly #query: ListSandboxesQuery;
  readonly #page: number | undefined;
  readonly #options: CallOptions;
  #sandboxes: AsyncGenerator<Sandbox> | undefined;

  /** @internal */
  constructor(connection: Connection, query: ListSandboxesQuery, page: number | undefined, options: CallOptions) {
    super(connection);
    this.#connection = connection;
    this.#query = query;
    this.#page = page;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Sandbox>> {
    this.#sandboxes ??= this.#all();
    return this.#sandboxes.next();
  }

  async return(): Promise<IteratorResult<Sandbox>> {
    await this.#sandboxes?.return(undefined);
    return { done: true, value: undefined };
  }

  /** The list a request at a time, for programs that show parts and continue later. */
  async *parts(): AsyncGenerator<SandboxListPart, void, undefined> {
    let cursor = this.#query.cursor;
    do {
      const query = { ...this.#query, cursor };
      const part = await this.invoke<ListSandboxesResponse>('sandbox.list', { query }, this.#options);
      yield { ...part, items: this.#sandboxesOf(part) };
      cursor = part.nextCursor;
    } while (cursor !== undefined);
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting a list gives a page of it
  then<A = PaginatedSandboxes, B = never>(
    onFulfilled?: ((page: PaginatedSandboxes) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#fetchPage().then(onFulfilled, onRejected);
  }

  async #fetchPage(): Promise<PaginatedSandboxes> {
    const { labels, limit, ...others } = this.#query;
    const filters = Object.keys(others);
    if (filters.length > 0) {
      throw new DaytonaInvalidArgumentError(
        `A page of sandboxes can be filtered by labels only, not by ${filters.join(', ')}: iterate over the list instead.`,
      );
    }
    return await this.#fetch({ labels, limit, page: this.#page, ...this.#options });
  }

  async #fetch(options: ListPageOptions & CallOptions): Promise<PaginatedSandboxes> {
    const found = await this.invoke<SandboxPage>('sandbox.list_page', {}, options);
    const next = () => this.#fetch({ ...options, page: found.page + 1 });
    return new PaginatedSandboxes({ ...found, items: this.#sandboxesOf(found) }, next);
  }

  #sandboxesOf({ items }: { items: SandboxInfo[] }): Sandbox[] {
    return items.map((info) => new Sandbox(this.#connection, info));
  }

  async *#all(): AsyncGenerator<Sandbox> {
    if (this.#page !== undefined) {
      yield* await this.#fetchPage();
      return;
    }
    for await (const part of this.parts()) {
      yield* part.items;
    }
  }
}
