// 200 processes exit with calls and streams in flight: each ends with the code it chose, and in time.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Daytona } from '../../../node/dist/index.mjs';

const PROCESSES = Number(process.argv[2] ?? 200);
const AT_ONCE = 4;
/** Far more than an exit takes, far less than the calls. */
const LIMIT_MS = 120_000;
const PACKAGE = new URL('../../../node/dist/index.mjs', import.meta.url).href;

/** How a process ends. Each is given time enough for its calls to be under way. */
const ENDINGS = [
  'process.exit(7)',
  'setTimeout(() => process.exit(7), 5)',
  'pending[0].finally(() => process.exit(7)); controller.abort()',
  'process.exitCode = 7; controller.abort()',
  'setImmediate(() => { throw new Error("ends here") })',
];

const program = (ending) => `
  import { Daytona } from ${JSON.stringify(PACKAGE)};
  const controller = new AbortController();
  const { signal } = controller;
  const sandbox = await new Daytona().get(process.argv[1]);
  const pending = Array.from({ length: 5 }, () => sandbox.process.executeCommand('sleep 600', { signal }));
  const pty = sandbox.process.createPty({ id: \`exit-\${process.pid}\`, signal, onData: () => {} });
  pending.push(pty, pty.then((handle) => handle.wait()));
  for (const call of pending) call.catch(() => {});
  process.on('uncaughtException', () => process.exit(7));
  ${ending};`;

async function exit(id, ending) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(ending), id], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [code, signal] = await new Promise((done) => child.on('close', (...how) => done(how)));
  clearTimeout(limit);
  // What a process leaves in the sandbox counts against its limits. It may have ended before the terminal was there.
  await sandbox.process.killPtySession(`exit-${child.pid}`).catch(() => {});
  assert.deepEqual({ ending, code, signal, said }, { ending, code: 7, signal: null, said: '' });
}

const daytona = new Daytona();
const sandbox = await daytona.create();
try {
  const numbers = Array.from({ length: PROCESSES }, (_, i) => i).values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const i of numbers) {
        await exit(sandbox.id, ENDINGS[i % ENDINGS.length]);
      }
    }),
  );
  console.log(`${PROCESSES} processes exited with calls in flight`);
} finally {
  await sandbox.delete();
  daytona.close();
}
