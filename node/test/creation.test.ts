// Sandboxes whose creation is given up are deleted, however it ends.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Daytona, DaytonaCancelledError } from '@daytonaio/sdk';
import { until } from './support.js';

const daytona = new Daytona();
after(() => daytona.close());

const PACKAGE = JSON.stringify(join(__dirname, '..', 'dist', 'index.js'));

async function left(label: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id, state } of daytona.list({ labels: { creation: label } })) {
    if (state !== 'destroyed' && state !== 'destroying') {
      ids.push(id);
    }
  }
  return ids;
}

/** A program that says when it begins to create a sandbox. */
const creating = (label: string, before = '') => `
  const { Daytona } = require(${PACKAGE});
  const daytona = new Daytona();
  ${before}
  daytona.get('nothing').catch(() => {}).then(() => {
    const created = daytona.create({ labels: { creation: ${JSON.stringify(label)} } });
    created.then(({ id }) => console.log('made', id), () => {});
    started();
  });`;

test('an aborted create leaves nothing, or the sandbox it hands over', async () => {
  const label = randomUUID();
  await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const signal = AbortSignal.timeout(i * 25);
      const created = daytona.create({ labels: { creation: label } }, { signal });
      const sandbox = await created.catch((error) => {
        assert.ok(error instanceof DaytonaCancelledError, String(error));
      });
      await sandbox?.delete();
    }),
  );
  assert.deepEqual(await left(label), []);
  // No call listens for signals any more.
  assert.equal(process.listenerCount('SIGTERM'), 0);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a program that ${signal} ends leaves no sandbox in the making`, async () => {
    const label = randomUUID();
    for (const delay of [0, 15, 40]) {
      const started = `const started = () => setTimeout(() => console.log('creating'), ${delay});`;
      const child = spawn(process.execPath, ['-e', creating(label, started)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (data) => {
        said += data;
        child.kill(signal);
      });
      const [code, by] = await new Promise<[number | null, string | null]>((done) =>
        child.on('close', (...how) => done(how)),
      );
      assert.ok(code === 0 || by === signal, `${code} ${by}`);
      // A create that was faster has handed its sandbox over.
      const made = /made (\S+)/.exec(said)?.[1];
      if (made) {
        await (await daytona.get(made)).delete();
      }
      assert.deepEqual(await left(label), []);
    }
  });
}

test('process.exit leaves no sandbox in the making', async () => {
  const label = randomUUID();
  const started = 'const started = () => setTimeout(() => process.exit(7), 10);';
  const child = spawn(process.execPath, ['-e', creating(label, started)], { stdio: 'inherit' });
  assert.equal(await new Promise((done) => child.on('close', done)), 7);
  assert.deepEqual(await left(label), []);
});

test('a worker that is terminated leaves no sandbox in the making', async () => {
  const label = randomUUID();
  const started = "const started = () => require('node:worker_threads').parentPort.postMessage('creating');";
  const worker = new Worker(creating(label, started), { eval: true });
  await new Promise((done, fail) => worker.once('message', done).once('error', fail));
  await worker.terminate();
  const made = await daytona.create({ labels: { creation: label } });
  // The other one may be listed for as long as it is made and deleted again.
  await until(async () => (await left(label)).join() === made.id);
  await made.delete();
});
