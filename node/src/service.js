"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Service = void 0;
const argument_js_1 = require("./argument.js");
const stream_handle_js_1 = require("./stream-handle.js");
/** A group of operations. The generated classes have a method for each. */
class Service {
    #connection;
    #target;
    /** @internal */
    constructor(connection, target) {
        this.#connection = connection;
        this.#target = target;
    }
    /**
     * Runs an operation and returns its result.
     *
     * @param bytes - Names of the result's fields that hold bytes.
     */
    async invoke(op, args, options, bytes) {
        const { json, blobs } = await this.#run(op, args, options);
        if (json === '') {
            return undefined;
        }
        const value = bytes
            ? JSON.parse(json, (key, value) => (typeof value === 'number' && bytes.includes(key) ? blobs[value] : value))
            : JSON.parse(json);
        return value ?? undefined;
    }
    /** Runs an operation whose result is bytes. */
    async invokeForBytes(op, args, options) {
        const { blobs } = await this.#run(op, args, options);
        return blobs[0] ?? Buffer.alloc(0);
    }
    /** Runs an operation that opens a stream. */
    async open(op, args, options, streamClass) {
        const outcome = await this.#run(op, args, options);
        return new streamClass(new stream_handle_js_1.StreamHandle(outcome, options?.signal), outcome.json);
    }
    /** Programs without types may give `null` for no options. */
    async #run(op, args, given) {
        if (typeof (given ?? {}) !== 'object') {
            throw (0, argument_js_1.unusable)('options', given, 'they must be an object');
        }
        const { signal, requestTimeout, ...options } = given ?? {};
        const target = this.#target && { id: this.#target.id, url: this.#target.toolboxProxyUrl };
        return await this.#connection.run(op, { target, requestTimeout, args: { ...args, options } }, signal);
    }
}
exports.Service = Service;
