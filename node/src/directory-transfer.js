"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.DirectoryTransfer = void 0;
const frames_js_1 = require("./frames.js");
/** A directory on its way, as the native library has it. Users see its progress and its result. */
class DirectoryTransfer {
    #handle;
    constructor(handle) {
        this.#handle = handle;
    }
    /** Waits until the transfer is complete. When the handler throws, it is given up. */
    async finish(onProgress) {
        try {
            for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
                for (const { tag, content } of (0, frames_js_1.frames)(batch)) {
                    if (tag === frames_js_1.PROGRESS) {
                        await onProgress?.(JSON.parse(content.toString()));
                    }
                }
            }
            return JSON.parse(this.#handle.result);
        }
        finally {
            this.#handle.close();
        }
    }
}
exports.DirectoryTransfer = DirectoryTransfer;
