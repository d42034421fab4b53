"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.FileSystem = void 0;
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const argument_js_1 = require("./argument.js");
const errors_js_1 = require("./errors.js");
const services_js_1 = require("./generated/services.js");
const timeout_js_1 = require("./timeout.js");
/** Files and directories of a sandbox. */
class FileSystem extends services_js_1.FileSystemService {
    /**
     * Describes a file or directory. The same as `getFileInfo`.
     *
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async getFileDetails(path, options = {}) {
        return await this.getFileInfo(path, options);
    }
    /**
     * Deletes a file or directory.
     *
     * @param path - Its path.
     * @param recursive - Whether a directory may be deleted with everything in it, or options. Default: false.
     * @throws `DaytonaNotFoundError` when there is none, `DaytonaValidationError` for a directory without `recursive`.
     */
    async deleteFile(path, recursive = {}) {
        await this._deleteFile(path, typeof recursive === 'boolean' ? { recursive } : recursive);
    }
    async findFiles(path, pattern, options) {
        return typeof path === 'object'
            ? await this._findFiles(path.path, path.pattern, pattern)
            : await this._findFiles(path, pattern, options);
    }
    /**
     * Changes permissions and ownership.
     *
     * @param path - Path of the file or directory.
     * @param permissions - What to change.
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async setFilePermissions(path, permissions, options = {}) {
        await this._setFilePermissions(path, { ...permissions, ...options });
    }
    /**
     * Uploads a file. Missing directories are created, an existing file is replaced.
     *
     * @param file - Bytes, or the path of a local file, which is streamed.
     * @param remotePath - Path in the sandbox; relative paths start at the working directory.
     * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
     * @throws `DaytonaInvalidArgumentError` when the local file cannot be read, `DaytonaAuthorizationError` when the
     * sandbox user may not write there.
     */
    async uploadFile(file, remotePath, timeout) {
        await this._uploadFile(entry(file, remotePath), (0, timeout_js_1.withTimeout)(timeout));
    }
    /**
     * Uploads several files in one request.
     *
     * @param files - What to upload, and where to.
     * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
     * @throws As {@link FileSystem.uploadFile}.
     */
    async uploadFiles(files, timeout) {
        const entries = files.map(({ source, destination }) => entry(source, destination));
        await this._uploadFiles(entries, (0, timeout_js_1.withTimeout)(timeout));
    }
    /**
     * Uploads what a stream delivers, holding no more than a few pieces in memory. When the stream fails, the handler throws or
     * the signal is aborted, no file is stored.
     *
     * @param source - The content: a stream, bytes, or the path of a local file.
     * @param remotePath - Path in the sandbox.
     * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
     * @throws What the stream throws; otherwise as {@link FileSystem.uploadFile}.
     * @example
     * await sandbox.fs.uploadFileStream(createReadStream('big.iso'), 'big.iso', { onProgress, signal });
     */
    async uploadFileStream(source, remotePath, timeout) {
        const { onProgress, ...options } = (0, timeout_js_1.withTimeout)(timeout);
        if (!onProgress && (typeof source === 'string' || source instanceof Uint8Array)) {
            await this.uploadFile(source, remotePath, options);
            return;
        }
        const { pieces, totalBytes } = await content(source);
        const file = await this.openUpload(remotePath, options);
        try {
            let bytesSent = 0;
            for await (const piece of pieces) {
                const data = (0, argument_js_1.bytesOf)('piece', piece);
                await file.write(data);
                bytesSent += data.length;
                await onProgress?.(totalBytes === undefined ? { bytesSent } : { bytesSent, totalBytes });
            }
            await file.finish();
        }
        finally {
            file.close();
        }
    }
    async downloadFile(remotePath, localPath, timeout) {
        if (typeof localPath !== 'string') {
            return await this._downloadFile(remotePath, (0, timeout_js_1.withTimeout)(localPath));
        }
        await this._downloadToPath(remotePath, localPath, (0, timeout_js_1.withTimeout)(timeout));
        return undefined;
    }
    /**
     * Downloads a file as a Node.js stream. `openDownload` offers it as a web stream or an async iterable too.
     *
     * @param remotePath - Path in the sandbox.
     * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async downloadFileStream(remotePath, timeout) {
        const { onProgress, ...options } = (0, timeout_js_1.withTimeout)(timeout);
        return (await this.openDownload(remotePath, options)).readable(onProgress);
    }
    /**
     * Downloads several files in one request. A file that cannot be downloaded does not fail the others.
     *
     * @param files - What to download; with a destination into a local file, otherwise into memory.
     * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
     */
    async downloadFiles(files, timeout) {
        const entries = await this._downloadFiles(files, (0, timeout_js_1.withTimeout)(timeout));
        return entries.map(({ content, localPath, ...others }) => {
            const result = content ?? localPath;
            return result === undefined ? others : { ...others, result };
        });
    }
    /**
     * Uploads a local directory with everything in it, as one compressed stream. A directory that exists is added to; one that
     * does not appears when it is complete. Links stay links; permissions and times are kept. The sandbox needs `tar` and `gzip`.
     *
     * @param localPath - The local directory.
     * @param remotePath - Directory in the sandbox.
     * @param options - What to leave out, who takes the progress, seconds it may take (`timeout`, default 1800), and a signal:
     * a transfer that is aborted leaves nothing half-done behind.
     * @returns What was transferred, and what was skipped.
     * @throws `DaytonaInvalidArgumentError` for a bad glob or when something local cannot be read,
     * `DaytonaUnprocessableEntityError` when the sandbox cannot store it, `DaytonaTimeoutError`; what the handler throws.
     * @example
     * await sandbox.fs.uploadDir('project', 'project', { exclude: ['node_modules', '*.log'] });
     */
    async uploadDir(localPath, remotePath, options = {}) {
        const { onProgress, ...others } = options;
        return await (await this._uploadDir(localPath, remotePath, others)).finish(onProgress);
    }
    /**
     * Downloads a directory with everything in it, as one compressed stream, into a local one, which is created or added to.
     * Files appear when they are complete. Nothing is written outside the local directory. The sandbox needs `tar` and `gzip`.
     *
     * @param remotePath - Directory in the sandbox.
     * @param localPath - The local directory.
     * @param options - As for {@link FileSystem.uploadDir}.
     * @returns What was transferred, and what was skipped.
     * @throws `DaytonaInvalidArgumentError` for a bad glob or a local directory that cannot be written, `DaytonaFileNotFoundError`
     * when there is no such directory, `DaytonaUnprocessableEntityError` when something in it cannot be read,
     * `DaytonaConnectionError` when it is cut short, `DaytonaTimeoutError`; what the handler throws.
     */
    async downloadDir(remotePath, localPath, options = {}) {
        const { onProgress, ...others } = options;
        return await (await this._downloadDir(remotePath, localPath, others)).finish(onProgress);
    }
}
exports.FileSystem = FileSystem;
function entry(source, destination) {
    if (typeof source === 'string') {
        return { localPath: source, destination };
    }
    if (source instanceof Uint8Array) {
        return { content: source, destination };
    }
    throw (0, argument_js_1.unusable)('source', source, 'it must be bytes or the path of a local file; uploadFileStream takes streams');
}
/** Bytes written at once when all are there. */
const PIECE = 1 << 20;
/** What a source delivers, and how much where it is known. */
async function content(source) {
    if (source instanceof Uint8Array) {
        return { pieces: slices(source), totalBytes: source.length };
    }
    if (typeof source === 'string') {
        const { size } = await (0, promises_1.stat)(source).catch((cause) => {
            throw new errors_js_1.DaytonaInvalidArgumentError(`Cannot read the local file: ${cause.message}`, undefined, undefined, undefined, {
                cause,
            });
        });
        return { pieces: (0, node_fs_1.createReadStream)(source, { highWaterMark: PIECE }), totalBytes: size };
    }
    const pieces = source;
    if (!pieces?.[Symbol.asyncIterator] && !pieces?.[Symbol.iterator]) {
        throw (0, argument_js_1.unusable)('source', source, 'it must be a stream (of a Blob: its stream()), an iterable, bytes or a local path');
    }
    return { pieces: pieces, totalBytes: undefined };
}
function* slices(bytes) {
    for (let at = 0; at < bytes.length; at += PIECE) {
        yield bytes.subarray(at, at + PIECE);
    }
}
