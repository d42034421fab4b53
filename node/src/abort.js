"use strict";
// One listener a signal, however many calls wait for it: a program may give the same signal to all its calls.
Object.defineProperty(exports, "__esModule", { value: true });
exports.onAbort = onAbort;
const waiting = new WeakMap();
/**
 * Calls `abort` when the signal is aborted.
 *
 * @returns What takes it back.
 */
function onAbort(signal, abort) {
    let calls = waiting.get(signal);
    if (!calls) {
        const made = new Set();
        signal.addEventListener('abort', () => {
            for (const call of made) {
                call();
            }
        }, { once: true });
        waiting.set(signal, made);
        calls = made;
    }
    calls.add(abort);
    return () => calls.delete(abort);
}
