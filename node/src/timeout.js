"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.withTimeout = withTimeout;
const argument_js_1 = require("./argument.js");
/** The options a last argument stands for. */
function withTimeout(timeout) {
    // What is neither a number nor options would be spread into nothing, and stand for no limit.
    const given = timeout ?? {};
    if (typeof given === 'number') {
        if (!Number.isFinite(given)) {
            throw (0, argument_js_1.unusable)('timeout', given, 'it must be a finite number of seconds, 0 for no limit');
        }
        return { timeout: given };
    }
    if (typeof given !== 'object' || Array.isArray(given)) {
        throw (0, argument_js_1.unusable)('timeout', given, 'it must be a number of seconds, 0 for no limit, or an object with options');
    }
    return given;
}
