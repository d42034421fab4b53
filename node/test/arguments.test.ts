import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daytona, DaytonaInvalidArgumentError, type Sandbox, type SpawnedProcess } from '@daytonaio/sdk';
import { sandboxForFile } from './support.js';

// Programs without types, and types that are wrong.
// biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tried here.
type Anything = any;

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

async function refused(call: () => Promise<unknown>, ...words: string[]): Promise<void> {
  await assert.rejects(call, (error) => {
    assert(error instanceof DaytonaInvalidArgumentError, String(error));
    for (const word of words) {
      assert(error.message.includes(word), `${word} in ${error.message}`);
    }
    return true;
  });
}

async function withProcess(use: (process: SpawnedProcess) => Promise<void>): Promise<void> {
  await using process = await sandbox.process.spawn('cat', { stdin: true });
  await use(process);
}

test('a timeout that is no number never stands for no limit', async () => {
  await withProcess(async (process) => {
    for (const timeout of [Number.NaN, Number.POSITIVE_INFINITY, '5', [5], true] as Anything[]) {
      await refused(() => process.wait(timeout), 'timeout', '0 for no limit');
      await refused(() => process.waitForLog('x', timeout), 'timeout');
      await refused(() => sandbox.process.waitForPort(80, timeout), 'timeout');
      await refused(() => sandbox.fs.uploadFile(Buffer.from('x'), 'x', timeout), 'timeout');
    }
    await refused(() => process.wait({ timeout: Number.NaN }), 'timeout', 'NaN');
  });
});

test('what JSON would drop or change is refused by name', async () => {
  await refused(() => sandbox.process.spawn(10n as Anything), 'command', '10n');
  await refused(() => sandbox.git.clone('/tmp', 'x', { depth: Number.NaN }), 'depth', 'NaN');
  await refused(() => sandbox.process.spawn('true', { env: new Map([['TOKEN', 'secret']]) as Anything }), 'env', 'Map');
  await refused(() => sandbox.fs.uploadDir('/tmp', 'x', { exclude: new Set(['*']) as Anything }), 'exclude');
});

test('options that are not known are refused by name', async () => {
  const daytona = new Daytona();
  await refused(() => daytona.create({ nmae: 'x' } as Anything), 'nmae');
  await refused(() => daytona.create({}, { timeuot: 5 } as Anything), 'timeuot');
  await refused(() => daytona.create({}, { onCreateLogs: () => {} } as Anything), 'onCreateLogs');
  daytona.close();
  await refused(() => sandbox.process.spawn('true', { environment: { A: 'b' } } as Anything), 'environment');
  await refused(() => sandbox.process.listSpawned({ all: true } as Anything), 'all');
  await refused(() => sandbox.fs.uploadFile(Buffer.from('x'), 'x', { onProgress: () => {} } as Anything), 'onProgress');
});

test('errors about arguments do not show what objects hold', async () => {
  const env = new Map([['TOKEN', 'secret']]) as Anything;
  await assert.rejects(sandbox.process.spawn('true', { env }), (error: Error) => !error.message.includes('secret'));
});

test('content is text or bytes, and nothing that could be taken for either', async () => {
  await withProcess(async (process) => {
    const writer = await sandbox.fs.openUpload('never');
    const terminal = await sandbox.process.createPty();
    for (const data of [undefined, null, 5, [300], new Uint16Array([300]), new ArrayBuffer(2), {}] as Anything[]) {
      await refused(() => process.write(data), 'text or a Uint8Array');
      await refused(() => writer.write(data), 'text or a Uint8Array');
      await refused(() => terminal.sendInput(data), 'text or a Uint8Array');
      await refused(() => sandbox.fs.uploadFile(data, 'never'), 'source');
    }
    writer.close();
    await terminal.kill();
    await refused(() => sandbox.fs.uploadFileStream([1] as Anything, 'never'), 'piece');
    await refused(() => sandbox.fs.uploadFileStream(new Blob(['x']) as Anything, 'never'), 'source', 'stream()');
    // A number is the index of another file's content on the way to the core.
    const files = [
      { source: Buffer.from('private'), destination: 'one' },
      { source: 0, destination: 'two' } as Anything,
    ];
    await refused(() => sandbox.fs.uploadFiles(files), 'source');
  });
});

test('a signal, handlers and patterns are looked at before anything is done', async () => {
  await refused(() => sandbox.process.spawn('true', { signal: {} as Anything }), 'signal', 'AbortSignal');
  await withProcess(async (process) => {
    await refused(() => process.forward({ onStdout: 5 as Anything }), 'handler', 'function');
    await refused(() => process.waitForLog(5 as Anything), 'pattern');
  });
  for (const process of [undefined, 5, {}, { id: 'x' }] as Anything[]) {
    await refused(() => sandbox.process.attach(process), 'toJSON()');
  }
});

test('null stands for an option that is not given', async () => {
  const nothing = null as Anything;
  const { result } = await sandbox.process.executeCommand('echo "$A"', nothing, { A: 'kept' });
  assert.equal(result, 'kept\n');
  await (await sandbox.process.spawn('true', nothing)).release();
  await refused(() => sandbox.process.spawn('true', 5 as Anything), 'options');
});

test('a local file that is not there is the same error with and without progress', async () => {
  await refused(() => sandbox.fs.uploadFileStream('/nowhere/at/all', 'x'), '/nowhere/at/all');
  await refused(() => sandbox.fs.uploadFileStream('/nowhere/at/all', 'x', { onProgress() {} }), '/nowhere/at/all');
});
