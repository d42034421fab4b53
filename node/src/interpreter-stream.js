"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.InterpreterStream = void 0;
const disposal_js_1 = require("./disposal.js");
const frames_js_1 = require("./frames.js");
/**
 * A run of the code interpreter. Iterate over its events. Leaving the loop early gives up the run, and what its context knew
 * may be lost with it.
 */
class InterpreterStream {
    #handle;
    /** @internal */
    constructor(handle) {
        this.#handle = handle;
    }
    async *[Symbol.asyncIterator]() {
        try {
            for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
                for (const { tag, content } of (0, frames_js_1.frames)(batch)) {
                    // The interpreter sends text: a frame never cuts a character.
                    const text = content.toString();
                    yield tag === frames_js_1.ERROR
                        ? { type: 'error', error: JSON.parse(text) }
                        : { type: tag === frames_js_1.STDERR ? 'stderr' : 'stdout', text };
                }
            }
        }
        finally {
            this.close();
        }
    }
    /** Gives up the run unless it has ended. */
    close() {
        this.#handle.close();
    }
    async [disposal_js_1.asyncDispose]() {
        this.close();
    }
}
exports.InterpreterStream = InterpreterStream;
