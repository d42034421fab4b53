// 5,000 aborted calls and 200 streams closed early, half of them of a spawned process: nothing stays alive, neither calls nor streams nor descriptors.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { Daytona, DaytonaCancelledError, debugStats } from '../../../node/dist/index.mjs';

const CALLS = 5_000;
const AT_ONCE = 250;
const STREAMS = 200;

const descriptors = () => readdirSync('/proc/self/fd').length;

const daytona = new Daytona();
const sandbox = await daytona.create();
try {
  await sandbox.process.createSession('storm');
  const command = 'while true; do echo line; sleep 0.05; done';
  const { cmdId } = await sandbox.process.executeSessionCommand('storm', { command, runAsync: true });
  const spawned = await sandbox.process.spawn(command);
  const before = descriptors();

  let cancelled = 0;
  for (let started = 0; started < CALLS; started += AT_ONCE) {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: AT_ONCE }, (_, i) =>
      i % 2 === 0 ? sandbox.fs.listFiles('.', { signal }) : sandbox.process.executeCommand('sleep 60', { signal }),
    );
    // Some are aborted before they began, some in the middle.
    if (started % (2 * AT_ONCE) === 0) {
      await sandbox.getWorkDir();
    }
    controller.abort();
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'rejected') {
        assert.ok(result.reason instanceof DaytonaCancelledError, result.reason);
        cancelled += 1;
      }
    }
  }

  await Promise.all(
    Array.from({ length: STREAMS / 2 }, async () => {
      for await (const chunk of await sandbox.process.streamSessionCommandLogs('storm', cmdId)) {
        assert.equal(chunk.channel, 'stdout');
        break;
      }
      for await (const line of spawned.stdout.lines()) {
        assert.equal(line, 'line');
        break;
      }
    }),
  );

  // Connections close a moment after their calls.
  const settled = () => {
    const { calls, streams } = debugStats();
    return calls === 0 && streams === 0 && descriptors() <= before + AT_ONCE + STREAMS;
  };
  for (let i = 0; i < 6_000 && !settled(); i++) {
    await new Promise((done) => setTimeout(done, 20));
  }
  assert.deepEqual(debugStats(), { calls: 0, streams: 0, clients: 1 });
  assert.ok(descriptors() <= before + AT_ONCE + STREAMS, `${before} descriptors became ${descriptors()}`);
  console.log(`${cancelled} of ${CALLS} calls cancelled, ${STREAMS} streams left: nothing is alive`);
} finally {
  await sandbox.delete();
  daytona.close();
}
assert.deepEqual(debugStats(), { calls: 0, streams: 0, clients: 0 });
