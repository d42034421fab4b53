// 100 MB of a process's output through every kind of reader, one of them slow: memory stays small, because readers
// press back.

import assert from 'node:assert/strict';
import { Daytona, debugStats } from '../../../node/dist/index.mjs';

const OUTPUT = 100_000_000;
/** What readers may hold, with what the garbage collector has not taken yet. */
const ALLOWED = 100 << 20;

let peak = 0;
/** Adds up pieces, and looks at the memory meanwhile. */
async function length(pieces) {
  let bytes = 0;
  let seen = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    // Asking is slow, and there are millions of lines.
    if (seen++ % 256 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  return bytes;
}

const daytona = new Daytona();
const sandbox = await daytona.create();
try {
  const spawned = await sandbox.process.spawn(`yes 0123456789abcde | head -c ${OUTPUT}`);
  assert.equal(await spawned.wait(300), 0);
  const before = process.memoryUsage.rss();

  const slow = spawned.stdout.readable();
  const idle = spawned.stdout.web().getReader();
  await idle.read();
  assert.equal(await length(spawned.stdout), OUTPUT);
  assert.equal(await length(spawned.stdout.lines()), OUTPUT - OUTPUT / 16);
  assert.equal(await length(slow), OUTPUT);
  await idle.cancel();

  const used = peak - before;
  assert.ok(used < ALLOWED, `${Math.round(used / 1e6)} MB`);
  console.log(`${OUTPUT / 1e6} MB read three times, with ${Math.round(used / 1e6)} MB of memory`);
  await spawned.release();
} finally {
  await sandbox.delete();
  daytona.close();
}
assert.deepEqual(debugStats(), { calls: 0, streams: 0, clients: 0 });
