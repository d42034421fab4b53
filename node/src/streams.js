"use strict";
// Pieces of bytes as the streams of Node.js and of the web.
Object.defineProperty(exports, "__esModule", { value: true });
exports.nodeStream = nodeStream;
exports.webStream = webStream;
/** The pieces as a Node.js stream. Destroying it closes them. */
function nodeStream({ next, close }) {
    const { Readable } = require('node:stream');
    const stream = new Readable({
        read() {
            next().then(({ done, value }) => stream.push(done ? null : value), (error) => stream.destroy(error));
        },
        destroy(error, done) {
            close();
            done(error);
        },
    });
    return stream;
}
/** The pieces as a web stream. Cancelling it closes them. */
function webStream({ next, close }) {
    const { ReadableStream } = require('node:stream/web');
    return new ReadableStream({
        async pull(controller) {
            const { done, value } = await next();
            if (done) {
                controller.close();
            }
            else {
                controller.enqueue(value);
            }
        },
        cancel: close,
    }, { highWaterMark: 0 });
}
