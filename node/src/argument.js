"use strict";
// What is looked at before an argument is handed on: JSON and Buffer would silently turn some values into others.
Object.defineProperty(exports, "__esModule", { value: true });
exports.unusable = unusable;
exports.bytesOf = bytesOf;
const errors_js_1 = require("./errors.js");
/**
 * The error for an argument that is not usable.
 *
 * @param name - What it is called.
 * @param value - What was given. Of objects only the kind is shown: their content may be secret.
 * @param way - What it must be.
 */
function unusable(name, value, way) {
    const { inspect } = require('node:util');
    const shown = inspect(value, { depth: -1, maxStringLength: 20 });
    return new errors_js_1.DaytonaInvalidArgumentError(`The ${name} ${shown} is not usable: ${way}.`);
}
/** Content as bytes, text as UTF-8. Bytes are not copied. */
function bytesOf(name, data) {
    if (typeof data === 'string') {
        return Buffer.from(data);
    }
    if (data instanceof Uint8Array) {
        return data;
    }
    throw unusable(name, data, 'it must be text or a Uint8Array (a Buffer is one)');
}
