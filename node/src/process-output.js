"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.ProcessOutput = void 0;
const streams_js_1 = require("./streams.js");
/**
 * One of the outputs of a process, readable from its beginning any number of times: every reader has a connection of its own
 * and reads from the network only as fast as it is read from.
 *
 * Iterate over it for the bytes as they come, until the process ends. With `{ follow: false }` a reader ends with what was
 * written so far.
 */
class ProcessOutput {
    #open;
    /** @internal */
    constructor(open) {
        this.#open = open;
    }
    [Symbol.asyncIterator]() {
        return this.#pieces({});
    }
    /** The text as it comes, at any length. A character is never cut. */
    async *decoded(options = {}) {
        for await (const { text } of await this.#open(options)) {
            if (text) {
                yield text;
            }
        }
    }
    /** The lines as they are completed, without the line feed; the last one may lack it. */
    async *lines(options = {}) {
        // Parts of a line that has not ended: a long one is not searched again with every part.
        let parts = [];
        for await (const text of this.decoded(options)) {
            const [first, ...others] = text.split('\n');
            parts.push(first);
            for (const next of others) {
                yield parts.join('');
                parts = [next];
            }
        }
        const last = parts.join('');
        if (last) {
            yield last;
        }
    }
    /** The bytes as a Node.js stream. Destroying it stops the reader, not the process. */
    readable(options = {}) {
        return (0, streams_js_1.nodeStream)(this.#reader(options));
    }
    /** The bytes as a web stream. Cancelling it stops the reader, not the process. */
    web(options = {}) {
        return (0, streams_js_1.webStream)(this.#reader(options));
    }
    /** All bytes, once the process has ended. They are held in memory. */
    async bytes(options = {}) {
        const pieces = [];
        for await (const piece of this.#pieces(options)) {
            pieces.push(piece);
        }
        return Buffer.concat(pieces);
    }
    /** All text, once the process has ended. It is held in memory. */
    async text(options = {}) {
        const pieces = [];
        for await (const piece of this.decoded(options)) {
            pieces.push(piece);
        }
        return pieces.join('');
    }
    async *#pieces(options) {
        yield* pieces(await this.#open(options));
    }
    /** The bytes for a stream, which may be closed while it waits for them, or before it has begun. */
    #reader(options) {
        const open = this.#open;
        let log;
        let closed = false;
        const generator = (async function* () {
            log = await open(options);
            if (closed) {
                log.close();
            }
            yield* pieces(log);
        })();
        return {
            next: () => generator.next(),
            close: () => {
                closed = true;
                log?.close();
            },
        };
    }
}
exports.ProcessOutput = ProcessOutput;
async function* pieces(log) {
    for await (const { data } of log) {
        if (data.length > 0) {
            yield data;
        }
    }
}
