import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  DaytonaCancelledError,
  DaytonaFileNotFoundError,
  DaytonaInvalidArgumentError,
  type DirectoryProgress,
  debugStats,
  type Sandbox,
} from '@daytonaio/sdk';
import { sandboxForFile, until } from './support.js';

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});
const local = mkdtempSync(join(tmpdir(), 'daytona-directories-'));
after(() => rmSync(local, { recursive: true }));
before(() => {
  mkdirSync(join(local, 'project', 'sub'), { recursive: true });
  mkdirSync(join(local, 'project', 'node_modules'));
  writeFileSync(join(local, 'project', 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(local, 'project', 'run.sh'), 0o755);
  writeFileSync(join(local, 'project', 'sub', 'data'), randomBytes(3000));
  writeFileSync(join(local, 'project', 'node_modules', 'big.js'), '');
  mkdirSync(join(local, 'large'));
  writeFileSync(join(local, 'large', 'noise'), randomBytes(60 << 20));
});

/** Whether the sandbox still has something of a transfer. */
async function leftovers(path: string): Promise<string> {
  return (await sandbox.process.executeCommand(`ls -d ${path}* /tmp/.daytona-* 2>/dev/null`)).result;
}

test('a directory goes up and comes down as it is, without what is excluded', async () => {
  const { fs } = sandbox;
  const up = await fs.uploadDir(join(local, 'project'), 'project', { exclude: ['node_modules'] });
  assert.deepEqual(up, { files: 2, bytes: 3010, skipped: [] });
  const down = await fs.downloadDir('project', join(local, 'down'), { timeout: 60 });
  assert.deepEqual(down, { files: 2, bytes: 3010, skipped: [] });
  assert.deepEqual(readdirSync(join(local, 'down')).sort(), ['run.sh', 'sub']);
  assert.equal(statSync(join(local, 'down', 'run.sh')).mode & 0o777, 0o755);
  const data = (name: string) => readFileSync(join(local, name, 'sub', 'data'));
  assert.ok(data('down').equals(data('project')));
});

test('progress goes up to the whole, and is known beforehand for uploads', async () => {
  const seen: DirectoryProgress[] = [];
  const onProgress = (progress: DirectoryProgress) => seen.push(progress);
  const { bytes } = await sandbox.fs.uploadDir(join(local, 'large'), 'large', { onProgress });
  assert.equal(bytes, 60 << 20);
  assert.ok(seen.length > 0);
  assert.deepEqual(
    seen.map(({ totalFiles, totalBytes }) => [totalFiles, totalBytes]),
    seen.map(() => [1, bytes]),
  );
  assert.deepEqual(
    seen.map((progress) => progress.bytes),
    seen.map((progress) => progress.bytes).sort((a, b) => a - b),
  );
});

test('a transfer that is aborted, or whose handler throws, leaves nothing behind', async () => {
  const giveUp = new AbortController();
  const options = { onProgress: () => giveUp.abort(new Error('changed my mind')), signal: giveUp.signal };
  await assert.rejects(sandbox.fs.uploadDir(join(local, 'large'), 'aborted', options), (error) => {
    assert.ok(error instanceof DaytonaCancelledError);
    assert.match(String(error.cause), /changed my mind/);
    return true;
  });
  await until(async () => (await leftovers('aborted')) === '');
  const onProgress = () => {
    throw new Error('handler broke');
  };
  await assert.rejects(sandbox.fs.uploadDir(join(local, 'large'), 'broken', { onProgress }), /handler broke/);
  await until(async () => (await leftovers('broken')) === '');
  await assert.rejects(sandbox.fs.downloadDir('large', join(local, 'never'), { onProgress }), /handler broke/);
  await until(async () => (await leftovers('broken')) === '' && !readdirSync(local).includes('never'));
  await until(() => debugStats().streams === 0);
});

test('what cannot be transferred is an error of its kind', async () => {
  await assert.rejects(sandbox.fs.downloadDir('nowhere', join(local, 'x')), DaytonaFileNotFoundError);
  await assert.rejects(sandbox.fs.uploadDir(join(local, 'nowhere'), 'x'), DaytonaInvalidArgumentError);
  const bad = sandbox.fs.uploadDir(join(local, 'project'), 'x', { exclude: ['a['] });
  await assert.rejects(bad, DaytonaInvalidArgumentError);
});
