"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.LogStream = exports.MAX_PREFIX_LEN = exports.STDERR_PREFIX_BYTES = exports.STDOUT_PREFIX_BYTES = void 0;
const argument_js_1 = require("./argument.js");
const disposal_js_1 = require("./disposal.js");
const frames_js_1 = require("./frames.js");
/** Marks standard output in the raw log of a session command. */
exports.STDOUT_PREFIX_BYTES = new Uint8Array([1, 1, 1]);
/** Marks standard error in the raw log of a session command. */
exports.STDERR_PREFIX_BYTES = new Uint8Array([2, 2, 2]);
/** Length of these marks in bytes. */
exports.MAX_PREFIX_LEN = 3;
/**
 * A live log: first what was logged so far, then what is being logged, until the command ends. Iterate over it; leaving
 * the loop closes it. It reads from the network only as fast as you do.
 */
class LogStream {
    #handle;
    /** @internal */
    constructor(handle) {
        this.#handle = handle;
    }
    async *[Symbol.asyncIterator]() {
        // A byte order mark is output like any other.
        const decoder = () => new TextDecoder('utf-8', { ignoreBOM: true });
        const decoders = { stdout: decoder(), stderr: decoder() };
        try {
            for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
                for (const { tag, content } of (0, frames_js_1.frames)(batch)) {
                    const channel = tag === frames_js_1.STDERR ? 'stderr' : 'stdout';
                    yield { channel, data: content, text: decoders[channel].decode(content, { stream: true }) };
                }
            }
            for (const channel of ['stdout', 'stderr']) {
                const text = decoders[channel].decode();
                if (text) {
                    yield { channel, data: Buffer.alloc(0), text };
                }
            }
        }
        finally {
            this.close();
        }
    }
    /** Hands the text to the handlers until the log ends. */
    async forward(onStdout, onStderr) {
        for (const handler of [onStdout, onStderr]) {
            if (typeof handler !== 'function') {
                this.close();
                throw (0, argument_js_1.unusable)('handler', handler, 'it must be a function');
            }
        }
        for await (const { channel, text } of this) {
            if (text) {
                await (channel === 'stdout' ? onStdout : onStderr)(text);
            }
        }
    }
    /** Stops reading the log. The command goes on. */
    close() {
        this.#handle.close();
    }
    async [disposal_js_1.asyncDispose]() {
        this.close();
    }
}
exports.LogStream = LogStream;
