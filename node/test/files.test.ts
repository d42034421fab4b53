import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import {
  DaytonaCancelledError,
  DaytonaFileNotFoundError,
  DaytonaNotFoundError,
  type DownloadProgress,
  type Sandbox,
  type UploadProgress,
} from '@daytonaio/sdk';
import { sandboxForFile, until } from './support.js';

let sandbox: Sandbox;
const local = mkdtempSync(join(tmpdir(), 'daytona-files-'));
const big = randomBytes(5 << 20);
sandboxForFile((made) => {
  sandbox = made;
});
after(() => rmSync(local, { recursive: true }));

test('bytes and local files go up, and come down as bytes and local files', async () => {
  const { fs } = sandbox;
  await fs.uploadFile(Buffer.from([0, 255, 10]), 'up/bytes.bin');
  assert.deepEqual(await fs.downloadFile('up/bytes.bin'), Buffer.from([0, 255, 10]));
  writeFileSync(join(local, 'from'), big);
  await fs.uploadFile(join(local, 'from'), 'up/big.bin', 60);
  await fs.downloadFile('up/big.bin', join(local, 'to'), { timeout: 60 });
  assert.ok(readFileSync(join(local, 'to')).equals(big));
});

test('several files go up and come down together, each with its own error', async () => {
  const { fs } = sandbox;
  writeFileSync(join(local, 'c'), 'c');
  await fs.uploadFiles([
    { source: Buffer.from('a'), destination: 'many/a' },
    { source: new TextEncoder().encode('b'), destination: 'many/b' },
    { source: join(local, 'c'), destination: 'many/c' },
  ]);
  const files = await fs.downloadFiles([
    { source: 'many/a' },
    { source: 'many/b', destination: join(local, 'b') },
    { source: 'many/none' },
  ]);
  assert.deepEqual(files[0], { source: 'many/a', result: Buffer.from('a') });
  assert.deepEqual(files[1], { source: 'many/b', result: join(local, 'b') });
  assert.equal(files[2]?.result, undefined);
  assert.ok(files[2]?.error);
});

test('what a stream delivers is stored', async () => {
  const { fs } = sandbox;
  async function* pieces() {
    yield 'text ';
    yield Buffer.from('and bytes');
  }
  await fs.uploadFileStream(pieces(), 'stream/iterable');
  assert.equal((await fs.downloadFile('stream/iterable')).toString(), 'text and bytes');
  await fs.uploadFileStream(Readable.from([big], { objectMode: false }), 'stream/node');
  const { result } = await sandbox.process.executeCommand('sha256sum < stream/node');
  assert.equal(result.split(' ')[0], createHash('sha256').update(big).digest('hex'));
  const web = new Response('from the web').body ?? assert.fail();
  await fs.uploadFileStream(web as never, 'stream/web');
  assert.equal((await fs.downloadFile('stream/web')).toString(), 'from the web');
});

test('an upload whose source fails stores nothing', async () => {
  async function* pieces() {
    yield 'half';
    throw new Error('source broke');
  }
  await assert.rejects(sandbox.fs.uploadFileStream(pieces(), 'stream/half'), /source broke/);
  await until(async () => (await sandbox.process.executeCommand('ls stream/half')).exitCode !== 0);
});

test('a file can be read as a Node.js stream, a web stream and an iterable', async () => {
  const { fs } = sandbox;
  await fs.uploadFile(big, 'read/big');
  const node: Buffer[] = [];
  for await (const piece of await fs.downloadFileStream('read/big')) {
    node.push(piece);
  }
  assert.ok(Buffer.concat(node).equals(big));
  const reader = await fs.openDownload('read/big');
  assert.equal(reader.size, big.length);
  const web: Uint8Array[] = [];
  for await (const piece of reader.web()) {
    web.push(piece);
  }
  assert.ok(Buffer.concat(web).equals(big));
  assert.ok((await (await fs.openDownload('read/big')).bytes()).equals(big));
});

test('a file can be written through a Node.js stream and a web stream', async () => {
  const { fs } = sandbox;
  await pipeline(Readable.from([big.subarray(0, 1 << 20)]), (await fs.openUpload('write/node')).writable());
  assert.equal((await fs.getFileDetails('write/node')).size, 1 << 20);
  const writer = (await fs.openUpload('write/web')).web().getWriter();
  await writer.write(Buffer.from('web'));
  await writer.close();
  assert.equal((await fs.downloadFile('write/web')).toString(), 'web');
});

test('destroying a download ends it', async () => {
  await sandbox.fs.uploadFile(big, 'destroy/big');
  const stream = await sandbox.fs.downloadFileStream('destroy/big');
  for await (const piece of stream) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.equal(stream.destroyed, true);
});

test('streams tell their progress', async () => {
  const { fs } = sandbox;
  const sent: UploadProgress[] = [];
  const upload = { onProgress: (progress: UploadProgress) => sent.push(progress) };
  await fs.uploadFileStream(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 'progress/stream', upload);
  assert.deepEqual(sent.splice(0), [{ bytesSent: 2 }, { bytesSent: 3 }]);
  writeFileSync(join(local, 'path'), big);
  for (const source of [big, join(local, 'path')]) {
    await fs.uploadFileStream(source, 'progress/big', upload);
    assert.deepEqual(sent.at(-1), { bytesSent: big.length });
    assert.ok(sent.splice(0).length > 1);
  }
  const received: DownloadProgress[] = [];
  const onProgress = (progress: DownloadProgress) => received.push(progress);
  const pieces: Buffer[] = [];
  for await (const piece of await fs.downloadFileStream('progress/big', { onProgress })) {
    pieces.push(piece);
  }
  assert.ok(Buffer.concat(pieces).equals(big));
  assert.deepEqual(received.at(-1), { bytesReceived: big.length, totalBytes: big.length });
});

test('a signal or a handler that throws ends a stream, and no file is stored', async () => {
  const { fs } = sandbox;
  const giveUp = new AbortController();
  const onProgress = () => giveUp.abort();
  async function* endless() {
    for (;;) {
      yield Buffer.alloc(100_000);
    }
  }
  const upload = fs.uploadFileStream(endless(), 'given-up', { onProgress, signal: giveUp.signal });
  await assert.rejects(upload, DaytonaCancelledError);
  const broken = () => {
    throw new Error('handler broke');
  };
  await assert.rejects(fs.uploadFileStream(endless(), 'given-up', { onProgress: broken }), /handler broke/);
  const download = await fs.downloadFileStream('progress/big', { onProgress: broken });
  await assert.rejects(pipeline(download, new PassThrough()), /handler broke/);
  await until(async () => (await sandbox.process.executeCommand('ls given-up*')).exitCode !== 0);
});

test('a signal ends a transfer', async () => {
  const { fs } = sandbox;
  const call = fs.downloadFile('destroy/big', { signal: AbortSignal.abort() });
  await assert.rejects(call, DaytonaCancelledError);

  // What programs look for: the class, the name of aborted calls, and the word.
  const cancelled = (error: Error) =>
    error instanceof DaytonaCancelledError && error.name === 'AbortError' && /cancelled/.test(error.message);
  const upload = new AbortController();
  const content = (async function* () {
    yield 'a piece';
    upload.abort();
    await new Promise(() => {});
  })();
  await assert.rejects(fs.uploadFileStream(content, 'given-up-too', { signal: upload.signal }), cancelled);
  const download = new AbortController();
  const stream = await fs.downloadFileStream('destroy/big', { signal: download.signal });
  await assert.rejects(async () => {
    for await (const _ of stream) {
      download.abort();
    }
  }, cancelled);
});

test('lines are found by position and by name', async () => {
  const { fs } = sandbox;
  await fs.uploadFile(Buffer.from('one\nneedle\n'), 'find/text');
  const [positional] = await fs.findFiles('find', 'needle');
  const [named] = await fs.findFiles({ path: 'find', pattern: 'needle' });
  assert.deepEqual(positional, named);
  assert.equal(named?.line, 2);
  assert.equal(named?.content, 'needle');
});

test('directories, details, permissions and deletion', async () => {
  const { fs } = sandbox;
  await fs.createFolder('dir/sub', '755');
  await fs.createFolder('dir/default');
  await fs.uploadFile(Buffer.from('x'), 'dir/file');
  await fs.setFilePermissions('dir/file', { mode: '600' });
  const details = await fs.getFileDetails('dir/file');
  assert.equal(details.permissions, '0600');
  assert.deepEqual(await fs.getFileInfo('dir/file'), details);
  assert.deepEqual((await fs.listFiles('dir')).map(({ name }) => name).sort(), ['default', 'file', 'sub']);
  await fs.deleteFile('dir', true);
  await assert.rejects(fs.getFileDetails('dir'), (error) => {
    assert.ok(error instanceof DaytonaFileNotFoundError && error instanceof DaytonaNotFoundError);
    return true;
  });
});
