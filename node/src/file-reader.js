"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.FileReader = void 0;
const disposal_js_1 = require("./disposal.js");
const streams_js_1 = require("./streams.js");
/**
 * A file being downloaded: an async iterable of its pieces, a Node.js stream or a web stream, whichever fits. It reads from
 * the network only as fast as you do. Use one of them, once.
 */
class FileReader {
    #handle;
    /** Size of the file in bytes, where the server tells it. */
    size;
    /** @internal */
    constructor(handle, info) {
        this.#handle = handle;
        this.size = JSON.parse(info).size ?? undefined;
    }
    async *[Symbol.asyncIterator]() {
        try {
            for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
                yield batch;
            }
        }
        finally {
            this.close();
        }
    }
    /**
     * The file as a Node.js stream. Destroying it stops the download.
     *
     * @param onProgress - Takes how many bytes have been read.
     */
    readable(onProgress) {
        return (0, streams_js_1.nodeStream)(this.#pieces(onProgress));
    }
    /**
     * The file as a web stream. Cancelling it stops the download.
     *
     * @param onProgress - Takes how many bytes have been read.
     */
    web(onProgress) {
        return (0, streams_js_1.webStream)(this.#pieces(onProgress));
    }
    /** The whole file. */
    async bytes() {
        const pieces = [];
        for await (const piece of this) {
            pieces.push(piece);
        }
        return Buffer.concat(pieces);
    }
    /** Stops the download. */
    close() {
        this.#handle.close();
    }
    async [disposal_js_1.asyncDispose]() {
        this.close();
    }
    #pieces(onProgress) {
        const pieces = this[Symbol.asyncIterator]();
        const totalBytes = this.size;
        let bytesReceived = 0;
        const next = async () => {
            const piece = await pieces.next();
            if (!piece.done) {
                bytesReceived += piece.value.length;
                await onProgress?.(totalBytes === undefined ? { bytesReceived } : { bytesReceived, totalBytes });
            }
            return piece;
        };
        return { next, close: () => this.close() };
    }
}
exports.FileReader = FileReader;
