"use strict";
// Batches of logs, runs and directories on their way: frames of a tag (1 byte), a length (4 bytes, little-endian) and the content.
Object.defineProperty(exports, "__esModule", { value: true });
exports.PROGRESS = exports.ERROR = exports.STDERR = exports.STDOUT = void 0;
exports.frames = frames;
/** Tag of a frame with standard output. */
exports.STDOUT = 1;
/** Tag of a frame with standard error. */
exports.STDERR = 2;
/** Tag of a frame with the exception that ended a run. */
exports.ERROR = 3;
/** Tag of a frame with how far a transfer has come. */
exports.PROGRESS = 4;
const HEADER = 5;
/** The frames of a batch. Their contents are views of it. */
function* frames(batch) {
    for (let at = 0; at + HEADER <= batch.length;) {
        const start = at + HEADER;
        const end = start + batch.readUInt32LE(at + 1);
        yield { tag: batch.readUInt8(at), content: batch.subarray(start, end) };
        at = end;
    }
}
