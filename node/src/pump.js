"use strict";
// Outcomes of native calls become promises.
//
// The native library queues outcomes and wakes this thread's event loop, which takes them all at once. It keeps the process
// alive exactly while calls are pending.
Object.defineProperty(exports, "__esModule", { value: true });
exports.run = run;
const abort_js_1 = require("./abort.js");
const argument_js_1 = require("./argument.js");
const errors_js_1 = require("./errors.js");
const log_js_1 = require("./log.js");
const native_js_1 = require("./native.js");
class Pump {
    #native;
    #pending = new Map();
    #lastId = 0;
    constructor() {
        this.#native = new ((0, native_js_1.native)().Pump)(() => this.#drain());
    }
    run(start, signal) {
        return new Promise((resolve, reject) => {
            // Before the call is started, which nothing would end otherwise.
            if (signal && typeof signal.addEventListener !== 'function') {
                reject((0, argument_js_1.unusable)('signal', signal, 'it must be an AbortSignal'));
                return;
            }
            if (signal?.aborted) {
                reject((0, errors_js_1.cancelled)(signal));
                return;
            }
            const id = this.#nextId();
            const call = start(this.#native, id);
            const forget = signal && (0, abort_js_1.onAbort)(signal, () => call.cancel());
            const settle = (outcome) => {
                forget?.();
                resolve(outcome);
            };
            if (this.#pending.size === 0) {
                this.#native.hold(true);
            }
            this.#pending.set(id, { call, settle });
        });
    }
    #nextId() {
        do {
            this.#lastId = (this.#lastId + 1) >>> 0;
        } while (this.#pending.has(this.#lastId));
        return this.#lastId;
    }
    #drain() {
        (0, log_js_1.passLog)();
        for (const outcome of this.#native.drain()) {
            const pending = this.#pending.get(outcome.id);
            this.#pending.delete(outcome.id);
            pending?.settle(outcome);
        }
        if (this.#pending.size === 0) {
            this.#native.hold(false);
        }
    }
}
let pump;
/**
 * Starts a native call and waits for its outcome.
 *
 * @param start - Starts the call with the pump and id it is given.
 * @param signal - Cancels the call; the outcome says whether it came in time.
 */
function run(start, signal) {
    pump ??= new Pump();
    return pump.run(start, signal);
}
