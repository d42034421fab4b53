// 40 worker threads are terminated in the middle of calls: the process goes on and everything of theirs ends.

import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';

const WORKERS = 40;
const AT_ONCE = 4;
const PACKAGE = new URL('../../../node/dist/index.mjs', import.meta.url);

const body = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { Daytona, DaytonaTimeoutError } = await import(workerData.href);
  const sandbox = await new Daytona().get(workerData.id);
  // A busy machine may not connect a terminal in time.
  const terminal = (tries) =>
    sandbox.process.createPty().catch((error) => {
      if (tries === 0 || !(error instanceof DaytonaTimeoutError)) throw error;
      return terminal(tries - 1);
    });
  for (let i = 0; i < 20; i++) sandbox.process.executeCommand('sleep 60').catch(() => {});
  for (let i = 0; i < 20; i++) sandbox.getWorkDir().catch(() => {});
  const pty = await terminal(10);
  pty.wait().catch(() => {});
  parentPort.postMessage('started');`;

/** Starts a worker that runs an ES module. */
function start(code, workerData) {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData });
}

/** The package is used by workers alone first: the library must survive the end of the last of them. */
async function inWorker(code) {
  const worker = start(code, { href: PACKAGE.href });
  return await new Promise((done, fail) => worker.once('message', done).once('error', fail));
}

const id = await inWorker(`
  import { parentPort, workerData } from 'node:worker_threads';
  const { Daytona } = await import(workerData.href);
  parentPort.postMessage((await new Daytona().create()).id);`);

const numbers = Array.from({ length: WORKERS }).keys();
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (const _ of numbers) {
      const worker = start(body, { href: PACKAGE.href, id });
      await new Promise((done, fail) => worker.once('message', done).once('error', fail));
      await worker.terminate();
    }
  }),
);

const { Daytona, debugStats } = await import(PACKAGE.href);
const daytona = new Daytona();
const sandbox = await daytona.get(id);
await sandbox.delete();
daytona.close();
for (let i = 0; i < 6_000 && Object.values(debugStats()).some((count) => count > 0); i++) {
  await new Promise((done) => setTimeout(done, 20));
}
assert.deepEqual(debugStats(), { calls: 0, streams: 0, clients: 0 });
console.log(`${WORKERS} workers terminated with calls in flight`);
