"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.PtyHandle = void 0;
const argument_js_1 = require("./argument.js");
const disposal_js_1 = require("./disposal.js");
const errors_js_1 = require("./errors.js");
/**
 * A connection to a terminal in the sandbox.
 *
 * Output goes to the `onData` handler, or to whoever iterates over the handle; leaving the loop keeps the connection, so one
 * can wait for a prompt, type, and iterate again. Without either it stays in the sandbox until {@link PtyHandle.wait}
 * discards it.
 */
class PtyHandle {
    #terminal;
    #control;
    #forwarding;
    #ended = false;
    /** The last change of the size: requests of their own may overtake each other. */
    #resized = Promise.resolve();
    /** @internal */
    constructor(terminal, control, onData) {
        this.#terminal = terminal;
        this.#control = control;
        if (onData) {
            this.#forwarding = this.#forward(onData);
            // `wait` reports it; a program that does not wait must not end because of it.
            this.#forwarding.catch(() => { });
        }
    }
    /** Id of the terminal session. */
    get sessionId() {
        return this.#terminal.sessionId;
    }
    /** Exit code of the terminal's process, once it has ended. */
    get exitCode() {
        return this.#terminal.result?.exitCode;
    }
    /** Why the terminal ended, when its process did not simply exit with 0. */
    get error() {
        return this.#terminal.result?.error;
    }
    /** Whether the connection is open. */
    isConnected() {
        return !this.#ended && !this.#terminal.closed;
    }
    /** Resolves at once: a handle is connected when you get it. */
    async waitForConnection() {
        if (!this.isConnected()) {
            throw new errors_js_1.DaytonaClosedError('The terminal has been disconnected.');
        }
    }
    /**
     * Types into the terminal.
     *
     * @param data - Text or bytes; end a command with `\n`.
     * @throws `DaytonaClosedError` when the terminal has ended or been disconnected.
     */
    async sendInput(data) {
        await this.#terminal.write((0, argument_js_1.bytesOf)('input', data));
    }
    async resize(cols, rows) {
        const size = typeof cols === 'number' ? { cols, rows: rows } : cols;
        const resized = this.#resized.then(() => this.#control.resizePtySession(this.sessionId, size.cols, size.rows));
        this.#resized = resized.catch(() => { });
        return await resized;
    }
    /** Closes the connection. The terminal session goes on; `connectPty` connects again. */
    async disconnect() {
        await this.#terminal.disconnect();
    }
    /** Kills the terminal's processes and removes the session. */
    async kill() {
        await this.#control.killPtySession(this.sessionId);
    }
    /**
     * Waits until the terminal's process has ended or the connection has been closed. Output nobody takes is discarded.
     *
     * @throws What the `onData` handler threw; `DaytonaConnectionError` when the connection broke.
     */
    async wait() {
        await (this.#forwarding ?? this.#forward(() => { }));
        return this.#terminal.result ?? {};
    }
    async *[Symbol.asyncIterator]() {
        for (let data = await this.#read(); data; data = await this.#read()) {
            yield data;
        }
    }
    async [disposal_js_1.asyncDispose]() {
        await this.disconnect();
    }
    async #forward(onData) {
        for await (const data of this) {
            await onData(data);
        }
    }
    /** The next output; `undefined` at the end and after {@link PtyHandle.disconnect}. */
    async #read() {
        let data;
        try {
            data = this.#terminal.closed ? undefined : await this.#terminal.read();
        }
        catch (error) {
            if (!(error instanceof errors_js_1.DaytonaClosedError && this.#terminal.closed)) {
                throw error;
            }
        }
        if (!data && !this.#ended) {
            this.#ended = true;
            await this.disconnect();
        }
        return data;
    }
}
exports.PtyHandle = PtyHandle;
