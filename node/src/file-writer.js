"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.FileWriter = void 0;
const argument_js_1 = require("./argument.js");
const disposal_js_1 = require("./disposal.js");
/**
 * A file being uploaded. The file exists once {@link FileWriter.finish} has resolved; closing the writer before gives up.
 */
class FileWriter {
    #handle;
    /** @internal */
    constructor(handle) {
        this.#handle = handle;
    }
    /**
     * Writes a piece; resolves when there is room for the next one.
     *
     * @throws `DaytonaConnectionError` when the connection breaks, what the server says when it refuses the file.
     */
    async write(data) {
        await this.#handle.write((0, argument_js_1.bytesOf)('piece', data));
    }
    /**
     * Stores the file.
     *
     * @throws What the server says when it refuses the file.
     */
    async finish() {
        try {
            await this.#handle.finish();
        }
        finally {
            this.close();
        }
    }
    /** The writer as a Node.js stream: ending it stores the file, destroying it gives up. */
    writable() {
        const { Writable } = require('node:stream');
        return new Writable({
            write: (chunk, _encoding, done) => {
                this.write(chunk).then(() => done(), done);
            },
            final: (done) => {
                this.finish().then(() => done(), done);
            },
            destroy: (error, done) => {
                this.close();
                done(error);
            },
        });
    }
    /** The writer as a web stream: closing it stores the file, aborting it gives up. */
    web() {
        const { WritableStream } = require('node:stream/web');
        return new WritableStream({
            write: (chunk) => this.write(chunk),
            close: () => this.finish(),
            abort: () => this.close(),
        });
    }
    /** Gives up unless the file has been stored. */
    close() {
        this.#handle.close();
    }
    async [disposal_js_1.asyncDispose]() {
        this.close();
    }
}
exports.FileWriter = FileWriter;
