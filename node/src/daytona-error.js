"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.DaytonaError = exports.ResponseHeaders = void 0;
/** Headers of an HTTP response. Names are looked up in any case. */
class ResponseHeaders extends Map {
    constructor(headers = {}) {
        super();
        const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
        for (const [name, value] of entries) {
            this.set(name, value);
        }
    }
    /** The value of the header, in any case of its name. */
    get(name) {
        return super.get(name.toLowerCase());
    }
    /** Whether there is such a header, in any case of its name. */
    has(name) {
        return super.has(name.toLowerCase());
    }
    set(name, value) {
        return super.set(name.toLowerCase(), value);
    }
}
exports.ResponseHeaders = ResponseHeaders;
/**
 * The base class of all errors of this package. Its subclasses say what went wrong; decide by `instanceof`, and by
 * {@link DaytonaError.code} where a class covers several cases.
 */
class DaytonaError extends Error {
    constructor(message, statusCode, headers, code, details = {}) {
        super(message, 'cause' in details ? { cause: details.cause } : undefined);
        const { cause: _, retryable = false, ...others } = details;
        const known = { statusCode, headers: headers && new ResponseHeaders(headers), code, ...others, retryable };
        for (const [name, value] of Object.entries(known)) {
            // What is not known is not there: it would only lengthen what consoles print.
            if (value !== undefined) {
                Object.defineProperty(this, name, { value, enumerable: name !== 'headers', configurable: true });
            }
        }
    }
    /** The same as {@link DaytonaError.code}. */
    get errorCode() {
        return this.code;
    }
}
exports.DaytonaError = DaytonaError;
