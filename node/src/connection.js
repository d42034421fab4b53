"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Connection = void 0;
exports.failure = failure;
const argument_js_1 = require("./argument.js");
const errors_js_1 = require("./errors.js");
const native_js_1 = require("./native.js");
const pump_js_1 = require("./pump.js");
const CANCELLED = 2;
const FAILED = 1;
/** A native client: where the operations of all services go. */
class Connection {
    #client;
    /**
     * @param config - The configuration of the core as a plain object.
     * @throws {@link DaytonaError} when it is not usable.
     */
    constructor(config) {
        const { Client } = (0, native_js_1.native)();
        try {
            this.#client = new Client(JSON.stringify(config));
        }
        catch (error) {
            throw (0, errors_js_1.errorFromEnvelope)(error.message);
        }
    }
    /** Runs an operation of the op table. Binary values may be anywhere in `params`. */
    async run(op, params, signal) {
        const client = this.#client;
        if (!client) {
            throw new errors_js_1.DaytonaClosedError('The client has been closed.');
        }
        const blobs = [];
        const json = JSON.stringify(detach(params, blobs));
        const outcome = await (0, pump_js_1.run)((pump, id) => client.start(pump, id, op, json, blobs), signal);
        const error = failure(outcome, signal, op);
        if (error) {
            throw error;
        }
        return outcome;
    }
    /** Refuses further operations and lets go of the connections. Calls in flight go on. */
    close() {
        this.#client?.close();
        this.#client = undefined;
    }
}
exports.Connection = Connection;
/** The error of an outcome that is none. Made where it is thrown, so that its stack leads to the caller. */
function failure(outcome, signal, op) {
    switch (outcome.status) {
        case FAILED:
            return (0, errors_js_1.errorFromEnvelope)(outcome.json);
        case CANCELLED:
            return (0, errors_js_1.cancelled)(signal, op);
        default:
            return undefined;
    }
}
/** `value` with every run of bytes put into `blobs` and replaced by its index there; refuses what JSON would turn into nothing. */
function detach(value, blobs, name = 'argument') {
    if (value instanceof Uint8Array) {
        return blobs.push(value) - 1;
    }
    if (Array.isArray(value)) {
        return value.map((item) => detach(item, blobs, name));
    }
    if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) {
        throw (0, argument_js_1.unusable)(name, value, 'it must be a finite number');
    }
    if (value instanceof Map || value instanceof Set) {
        throw (0, argument_js_1.unusable)(name, value, 'it must be a plain object or an array');
    }
    if (value === null || typeof value !== 'object' || 'toJSON' in value) {
        return value;
    }
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, detach(item, blobs, name)]));
}
