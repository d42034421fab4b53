"use strict";
// Loading the native library.
Object.defineProperty(exports, "__esModule", { value: true });
exports.native = native;
exports.debugStats = debugStats;
const errors_js_1 = require("./errors.js");
const schema_js_1 = require("./generated/schema.js");
const native_files_js_1 = require("./native-files.js");
let loaded;
/** The native library, loaded at first use: importing the package costs next to nothing. */
function native() {
    loaded ??= load();
    return loaded;
}
/** Numbers of live things in this process: what tests of leaks look at. */
function debugStats() {
    return native().debugStats();
}
function load() {
    const name = `daytona.${process.platform}-${process.arch}.node`;
    const file = (0, native_files_js_1.nativeFile)(name);
    if (!file) {
        throw (0, native_files_js_1.missingFile)(name);
    }
    // Not `require`, which bundlers turn into something else.
    const library = { exports: {} };
    try {
        process.dlopen(library, file);
    }
    catch (cause) {
        const why = 'This package was built for other platforms, or for a newer C library than this one.';
        throw new errors_js_1.DaytonaInternalError(`Cannot load ${file}. ${why}`, undefined, undefined, undefined, { cause });
    }
    if (library.exports.schemaHash() !== schema_js_1.SCHEMA_HASH) {
        throw new errors_js_1.DaytonaInternalError(`${file} is of another version than this package. Install the package again.`);
    }
    return library.exports;
}
