"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_crypto_1 = require("node:crypto");
const node_fs_1 = require("node:fs");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const node_stream_1 = require("node:stream");
const promises_1 = require("node:stream/promises");
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
let sandbox;
const local = (0, node_fs_1.mkdtempSync)((0, node_path_1.join)((0, node_os_1.tmpdir)(), 'daytona-files-'));
const big = (0, node_crypto_1.randomBytes)(5 << 20);
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
(0, node_test_1.after)(() => (0, node_fs_1.rmSync)(local, { recursive: true }));
(0, node_test_1.test)('bytes and local files go up, and come down as bytes and local files', async () => {
    const { fs } = sandbox;
    await fs.uploadFile(Buffer.from([0, 255, 10]), 'up/bytes.bin');
    strict_1.default.deepEqual(await fs.downloadFile('up/bytes.bin'), Buffer.from([0, 255, 10]));
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'from'), big);
    await fs.uploadFile((0, node_path_1.join)(local, 'from'), 'up/big.bin', 60);
    await fs.downloadFile('up/big.bin', (0, node_path_1.join)(local, 'to'), { timeout: 60 });
    strict_1.default.ok((0, node_fs_1.readFileSync)((0, node_path_1.join)(local, 'to')).equals(big));
});
(0, node_test_1.test)('several files go up and come down together, each with its own error', async () => {
    const { fs } = sandbox;
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'c'), 'c');
    await fs.uploadFiles([
        { source: Buffer.from('a'), destination: 'many/a' },
        { source: new TextEncoder().encode('b'), destination: 'many/b' },
        { source: (0, node_path_1.join)(local, 'c'), destination: 'many/c' },
    ]);
    const files = await fs.downloadFiles([
        { source: 'many/a' },
        { source: 'many/b', destination: (0, node_path_1.join)(local, 'b') },
        { source: 'many/none' },
    ]);
    strict_1.default.deepEqual(files[0], { source: 'many/a', result: Buffer.from('a') });
    strict_1.default.deepEqual(files[1], { source: 'many/b', result: (0, node_path_1.join)(local, 'b') });
    strict_1.default.equal(files[2]?.result, undefined);
    strict_1.default.ok(files[2]?.error);
});
(0, node_test_1.test)('what a stream delivers is stored', async () => {
    const { fs } = sandbox;
    async function* pieces() {
        yield 'text ';
        yield Buffer.from('and bytes');
    }
    await fs.uploadFileStream(pieces(), 'stream/iterable');
    strict_1.default.equal((await fs.downloadFile('stream/iterable')).toString(), 'text and bytes');
    await fs.uploadFileStream(node_stream_1.Readable.from([big], { objectMode: false }), 'stream/node');
    const { result } = await sandbox.process.executeCommand('sha256sum < stream/node');
    strict_1.default.equal(result.split(' ')[0], (0, node_crypto_1.createHash)('sha256').update(big).digest('hex'));
    const web = new Response('from the web').body ?? strict_1.default.fail();
    await fs.uploadFileStream(web, 'stream/web');
    strict_1.default.equal((await fs.downloadFile('stream/web')).toString(), 'from the web');
});
(0, node_test_1.test)('an upload whose source fails stores nothing', async () => {
    async function* pieces() {
        yield 'half';
        throw new Error('source broke');
    }
    await strict_1.default.rejects(sandbox.fs.uploadFileStream(pieces(), 'stream/half'), /source broke/);
    await (0, support_js_1.until)(async () => (await sandbox.process.executeCommand('ls stream/half')).exitCode !== 0);
});
(0, node_test_1.test)('a file can be read as a Node.js stream, a web stream and an iterable', async () => {
    const { fs } = sandbox;
    await fs.uploadFile(big, 'read/big');
    const node = [];
    for await (const piece of await fs.downloadFileStream('read/big')) {
        node.push(piece);
    }
    strict_1.default.ok(Buffer.concat(node).equals(big));
    const reader = await fs.openDownload('read/big');
    strict_1.default.equal(reader.size, big.length);
    const web = [];
    for await (const piece of reader.web()) {
        web.push(piece);
    }
    strict_1.default.ok(Buffer.concat(web).equals(big));
    strict_1.default.ok((await (await fs.openDownload('read/big')).bytes()).equals(big));
});
(0, node_test_1.test)('a file can be written through a Node.js stream and a web stream', async () => {
    const { fs } = sandbox;
    await (0, promises_1.pipeline)(node_stream_1.Readable.from([big.subarray(0, 1 << 20)]), (await fs.openUpload('write/node')).writable());
    strict_1.default.equal((await fs.getFileDetails('write/node')).size, 1 << 20);
    const writer = (await fs.openUpload('write/web')).web().getWriter();
    await writer.write(Buffer.from('web'));
    await writer.close();
    strict_1.default.equal((await fs.downloadFile('write/web')).toString(), 'web');
});
(0, node_test_1.test)('destroying a download ends it', async () => {
    await sandbox.fs.uploadFile(big, 'destroy/big');
    const stream = await sandbox.fs.downloadFileStream('destroy/big');
    for await (const piece of stream) {
        strict_1.default.ok(piece.length > 0);
        break;
    }
    strict_1.default.equal(stream.destroyed, true);
});
(0, node_test_1.test)('streams tell their progress', async () => {
    const { fs } = sandbox;
    const sent = [];
    const upload = { onProgress: (progress) => sent.push(progress) };
    await fs.uploadFileStream(node_stream_1.Readable.from([Buffer.from('ab'), Buffer.from('c')]), 'progress/stream', upload);
    strict_1.default.deepEqual(sent.splice(0), [{ bytesSent: 2 }, { bytesSent: 3 }]);
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'path'), big);
    for (const source of [big, (0, node_path_1.join)(local, 'path')]) {
        await fs.uploadFileStream(source, 'progress/big', upload);
        strict_1.default.deepEqual(sent.at(-1), { bytesSent: big.length, totalBytes: big.length });
        strict_1.default.ok(sent.splice(0).length > 1);
    }
    const received = [];
    const onProgress = (progress) => received.push(progress);
    const pieces = [];
    for await (const piece of await fs.downloadFileStream('progress/big', { onProgress })) {
        pieces.push(piece);
    }
    strict_1.default.ok(Buffer.concat(pieces).equals(big));
    strict_1.default.deepEqual(received.at(-1), { bytesReceived: big.length, totalBytes: big.length });
});
(0, node_test_1.test)('a signal or a handler that throws ends a stream, and no file is stored', async () => {
    const { fs } = sandbox;
    const giveUp = new AbortController();
    const onProgress = () => giveUp.abort();
    async function* endless() {
        for (;;) {
            yield Buffer.alloc(100_000);
        }
    }
    const upload = fs.uploadFileStream(endless(), 'given-up', { onProgress, signal: giveUp.signal });
    await strict_1.default.rejects(upload, sdk_1.DaytonaCancelledError);
    const broken = () => {
        throw new Error('handler broke');
    };
    await strict_1.default.rejects(fs.uploadFileStream(endless(), 'given-up', { onProgress: broken }), /handler broke/);
    const download = await fs.downloadFileStream('progress/big', { onProgress: broken });
    await strict_1.default.rejects((0, promises_1.pipeline)(download, new node_stream_1.PassThrough()), /handler broke/);
    await (0, support_js_1.until)(async () => (await sandbox.process.executeCommand('ls given-up*')).exitCode !== 0);
});
(0, node_test_1.test)('a signal ends a transfer', async () => {
    const call = sandbox.fs.downloadFile('destroy/big', { signal: AbortSignal.abort() });
    await strict_1.default.rejects(call, sdk_1.DaytonaCancelledError);
});
(0, node_test_1.test)('lines are found by position and by name', async () => {
    const { fs } = sandbox;
    await fs.uploadFile(Buffer.from('one\nneedle\n'), 'find/text');
    const [positional] = await fs.findFiles('find', 'needle');
    const [named] = await fs.findFiles({ path: 'find', pattern: 'needle' });
    strict_1.default.deepEqual(positional, named);
    strict_1.default.equal(named?.line, 2);
    strict_1.default.equal(named?.content, 'needle');
});
(0, node_test_1.test)('directories, details, permissions and deletion', async () => {
    const { fs } = sandbox;
    await fs.createFolder('dir/sub', '755');
    await fs.createFolder('dir/default');
    await fs.uploadFile(Buffer.from('x'), 'dir/file');
    await fs.setFilePermissions('dir/file', { mode: '600' });
    const details = await fs.getFileDetails('dir/file');
    strict_1.default.equal(details.permissions, '0600');
    strict_1.default.deepEqual(await fs.getFileInfo('dir/file'), details);
    strict_1.default.deepEqual((await fs.listFiles('dir')).map(({ name }) => name).sort(), ['default', 'file', 'sub']);
    await fs.deleteFile('dir', true);
    await strict_1.default.rejects(fs.getFileDetails('dir'), (error) => {
        strict_1.default.ok(error instanceof sdk_1.DaytonaFileNotFoundError && error instanceof sdk_1.DaytonaNotFoundError);
        return true;
    });
});
