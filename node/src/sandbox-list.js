"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.SandboxList = exports.PaginatedSandboxes = void 0;
const errors_js_1 = require("./errors.js");
const sandbox_js_1 = require("./sandbox.js");
/** A numbered page of sandboxes. Iterating over it goes through this page and all that follow. */
class PaginatedSandboxes {
    /** The sandboxes of this page. */
    items;
    /** Number of sandboxes on all pages. */
    total;
    /** This page, from 1. */
    page;
    /** Number of pages. */
    totalPages;
    #next;
    constructor(page, next) {
        this.items = page.items;
        this.total = page.total;
        this.page = page.page;
        this.totalPages = page.totalPages;
        this.#next = next;
    }
    /** @internal */
    static async fetch(owner, options) {
        const found = await owner.sandboxes.listPage(options);
        const items = found.items.map((info) => new sandbox_js_1.Sandbox(owner, info));
        const next = () => PaginatedSandboxes.fetch(owner, { ...options, page: found.page + 1 });
        return new PaginatedSandboxes({ ...found, items }, next);
    }
    async *[Symbol.asyncIterator]() {
        yield* this.items;
        if (this.page < this.totalPages) {
            yield* await this.#next();
        }
    }
}
exports.PaginatedSandboxes = PaginatedSandboxes;
/**
 * Sandboxes to be listed. Nothing is fetched until you iterate over it, which goes through all of them, or `await` it,
 * which gives one numbered page. For the same reason an `async` function that returns a list resolves to its page.
 */
class SandboxList {
    #owner;
    #query;
    #page;
    #options;
    #sandboxes;
    /** @internal */
    constructor(owner, query, page, options) {
        this.#owner = owner;
        this.#query = query;
        this.#page = page;
        this.#options = options;
    }
    [Symbol.asyncIterator]() {
        return this;
    }
    next() {
        this.#sandboxes ??= this.#all();
        return this.#sandboxes.next();
    }
    async return() {
        await this.#sandboxes?.return(undefined);
        return { done: true, value: undefined };
    }
    /** The list a request at a time, for programs that show parts and continue later. */
    async *parts() {
        let cursor = this.#query.cursor;
        do {
            const part = await this.#owner.sandboxes.list({ ...this.#query, cursor }, this.#options);
            yield { ...part, items: part.items.map((info) => new sandbox_js_1.Sandbox(this.#owner, info)) };
            cursor = part.nextCursor;
        } while (cursor !== undefined);
    }
    // biome-ignore lint/suspicious/noThenProperty: awaiting a list gives a page of it
    then(onFulfilled, onRejected) {
        return this.#fetchPage().then(onFulfilled, onRejected);
    }
    async #fetchPage() {
        const { labels, limit, ...others } = this.#query;
        const filters = Object.keys(others);
        if (filters.length > 0) {
            throw new errors_js_1.DaytonaInvalidArgumentError(`A page of sandboxes can be filtered by labels only, not by ${filters.join(', ')}: iterate over the list instead.`);
        }
        return await PaginatedSandboxes.fetch(this.#owner, { labels, limit, page: this.#page, ...this.#options });
    }
    async *#all() {
        if (this.#page !== undefined) {
            yield* await this.#fetchPage();
            return;
        }
        for await (const part of this.parts()) {
            yield* part.items;
        }
    }
}
exports.SandboxList = SandboxList;
