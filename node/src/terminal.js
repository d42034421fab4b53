"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Terminal = void 0;
/** The connection to a terminal, as the native library has it. {@link PtyHandle} is what users see of it. */
class Terminal {
    #handle;
    sessionId;
    constructor(handle, info) {
        this.#handle = handle;
        this.sessionId = JSON.parse(info).sessionId;
    }
    /** Whether it has been closed from this side. */
    get closed() {
        return this.#handle.closed;
    }
    /** How the terminal ended, once {@link Terminal.read} has met its end. */
    get result() {
        const json = this.#handle.result;
        return json ? JSON.parse(json) : undefined;
    }
    /** The next output, or `undefined` at the end. */
    read() {
        return this.#handle.read();
    }
    /** Types into the terminal. */
    write(data) {
        return this.#handle.write(data);
    }
    /** Disconnects in order. */
    async disconnect() {
        if (this.closed) {
            return;
        }
        try {
            await this.#handle.finish();
        }
        finally {
            this.#handle.close();
        }
    }
}
exports.Terminal = Terminal;
