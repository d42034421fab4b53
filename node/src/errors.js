"use strict";
// The error classes, and how an error of the native library becomes one of them.
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __exportStar = (this && this.__exportStar) || function(m, exports) {
    for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.DaytonaBadRequestError = exports.DaytonaForbiddenError = exports.ResponseHeaders = exports.DaytonaError = void 0;
exports.errorFromEnvelope = errorFromEnvelope;
exports.cancelled = cancelled;
const daytona_error_js_1 = require("./daytona-error.js");
const errors_js_1 = require("./generated/errors.js");
var daytona_error_js_2 = require("./daytona-error.js");
Object.defineProperty(exports, "DaytonaError", { enumerable: true, get: function () { return daytona_error_js_2.DaytonaError; } });
Object.defineProperty(exports, "ResponseHeaders", { enumerable: true, get: function () { return daytona_error_js_2.ResponseHeaders; } });
__exportStar(require("./generated/errors.js"), exports);
var errors_js_2 = require("./generated/errors.js");
Object.defineProperty(exports, "DaytonaForbiddenError", { enumerable: true, get: function () { return errors_js_2.DaytonaAuthorizationError; } });
Object.defineProperty(exports, "DaytonaBadRequestError", { enumerable: true, get: function () { return errors_js_2.DaytonaValidationError; } });
for (const [kind, errorClass] of Object.entries(errors_js_1.errorClasses)) {
    const value = kind === 'Unknown' ? 'DaytonaError' : `Daytona${kind}Error`;
    Object.defineProperty(errorClass.prototype, 'name', { value, configurable: true, writable: true });
}
// What programs look for to tell an aborted call from a failed one.
Object.defineProperty(errors_js_1.DaytonaCancelledError.prototype, 'name', { value: 'AbortError' });
// A connection that took too long is a kind of both: `extends` names only one of them.
Object.defineProperty(errors_js_1.DaytonaTimeoutError, Symbol.hasInstance, {
    value(value) {
        const inherits = Function.prototype[Symbol.hasInstance];
        return (inherits.call(this, value) ||
            (this === errors_js_1.DaytonaTimeoutError && inherits.call(errors_js_1.DaytonaConnectionTimeoutError, value)));
    },
});
/** The error an envelope describes. A kind this version does not know becomes a {@link DaytonaError}. */
function errorFromEnvelope(json) {
    const { kind, message, status, headers, code, ...details } = JSON.parse(json);
    const errorClass = errors_js_1.errorClasses[kind] ?? daytona_error_js_1.DaytonaError;
    return new errorClass(message, status, headers, code, details);
}
/** The error of a call that was aborted through `signal`. */
function cancelled(signal, operation) {
    return new errors_js_1.DaytonaCancelledError('The call was aborted.', undefined, undefined, undefined, {
        ...(operation === undefined ? {} : { operation }),
        ...(signal?.aborted ? { cause: signal.reason } : {}),
    });
}
