"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.StreamHandle = void 0;
const connection_js_1 = require("./connection.js");
const errors_js_1 = require("./errors.js");
const pump_js_1 = require("./pump.js");
/** Bytes a read asks for: whatever is there comes at once, so a large number costs no time. */
const BATCH = 1 << 20;
/**
 * An open stream of any kind. What is not read is not taken from the network; reads, writes and closing do not wait for
 * each other.
 */
class StreamHandle {
    #native;
    #signal;
    #result;
    #lastWrite = Promise.resolve();
    /**
     * @param outcome - Of the operation that opened the stream.
     * @param signal - Aborts reads and writes too.
     */
    constructor(outcome, signal) {
        if (!outcome.stream) {
            throw new errors_js_1.DaytonaInternalError('The operation did not open a stream.');
        }
        this.#native = outcome.stream;
        this.#signal = signal;
    }
    /** Whether the stream has been closed from this side. */
    get closed() {
        return this.#native === undefined;
    }
    /** The stream's result as JSON, known at its end; empty for streams without one. */
    get result() {
        return this.#result;
    }
    /** The next batch, or `undefined` at the end. */
    async read() {
        if (this.#result !== undefined) {
            return undefined;
        }
        const outcome = await this.#run((stream, pump, id) => stream.read(pump, id, BATCH));
        const [batch] = outcome.blobs;
        if (!batch) {
            this.#result = outcome.json;
        }
        return batch;
    }
    /** Writes a piece, after those before it; resolves when there is room for the next one. */
    async write(data) {
        await this.#inOrder((stream, pump, id) => stream.write(pump, id, data));
    }
    /** Ends the writing side in order. */
    async finish() {
        await this.#inOrder((stream, pump, id) => stream.finish(pump, id));
    }
    /** Closes the stream at once; calls in flight on it fail with {@link DaytonaClosedError}. */
    close() {
        this.#native?.close();
        this.#native = undefined;
    }
    /** Native calls of the same stream might overtake each other. */
    #inOrder(start) {
        const done = this.#lastWrite.then(() => this.#run(start));
        this.#lastWrite = done.catch(() => { });
        return done;
    }
    async #run(start) {
        const stream = this.#native;
        if (!stream) {
            throw new errors_js_1.DaytonaClosedError('The stream has been closed.');
        }
        const outcome = await (0, pump_js_1.run)((pump, id) => start(stream, pump, id), this.#signal);
        const error = (0, connection_js_1.failure)(outcome, this.#signal);
        if (error) {
            throw error;
        }
        return outcome;
    }
}
exports.StreamHandle = StreamHandle;
