"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.setLogger = setLogger;
exports.passLog = passLog;
const argument_js_1 = require("./argument.js");
const errors_js_1 = require("./errors.js");
const native_js_1 = require("./native.js");
let current;
/**
 * Hands what all clients of the process do to a logger, when a call completes: requests with their status, time and id, retries,
 * and how operations ended. `DAYTONA_LOG` writes the same to standard error.
 *
 * @param logger - Takes each record; without it, none are made any more. What it throws becomes a warning of the process.
 * @param level - The least important records it gets: `debug` has each request, `info` each operation. Default: `info`.
 * @throws `DaytonaInvalidArgumentError` for another level or what is not a function.
 * @example
 * setLogger(({ level, message, fields }) => pino[level](fields, message), 'debug');
 */
function setLogger(logger, level = 'info') {
    if (logger !== undefined && typeof logger !== 'function') {
        throw (0, argument_js_1.unusable)('logger', logger, 'it must be a function');
    }
    try {
        (0, native_js_1.native)().setLogLevel(logger ? String(level) : 'off');
    }
    catch (error) {
        throw (0, errors_js_1.errorFromEnvelope)(error.message);
    }
    current = logger;
}
/** Hands over what has been logged since the last time. */
function passLog() {
    const json = current && (0, native_js_1.native)().takeLog();
    if (!json) {
        return;
    }
    for (const record of JSON.parse(json)) {
        try {
            current?.({ ...record, time: new Date(record.time * 1000) });
        }
        catch (error) {
            process.emitWarning(`The logger of the Daytona SDK failed: ${error}`);
        }
    }
}
