// What a program around the package sees: imports, exits, signals, threads.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Sandbox } from '@daytonaio/sdk';
import { sandboxForFile, until, untilEnded } from './support.js';

const run = promisify(execFile);
const cwd = join(__dirname, '..');

/** Runs a script and returns what it printed. */
async function script(code: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code, ...args], { cwd });
  return stdout;
}

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

test('the package is one file, and the native library waits for the first client', async () => {
  const code = `
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    require('@daytonaio/sdk');
    console.log(JSON.stringify(Object.keys(require.cache).map((file) => file.split('/').pop())));`;
  assert.deepEqual(JSON.parse(await script(code)), ['index.js']);
});

test('import and require give the same classes', async () => {
  const code = `
    import { createRequire } from 'node:module';
    import * as imported from '@daytonaio/sdk';
    const required = createRequire(process.cwd() + '/')('@daytonaio/sdk');
    const same = Object.keys(required).every((name) => imported[name] === required[name]);
    console.log(same, Object.keys(imported).length === Object.keys(required).length);`;
  assert.equal(await script(code), 'true true\n');
});

test('a program ends by itself when nothing is pending', async () => {
  const code = `
    import { Daytona } from '@daytonaio/sdk';
    const daytona = new Daytona();
    await daytona.get(process.argv[1]);
    console.log('done');`;
  assert.equal(await script(code, sandbox.id), 'done\n');
});

test('a program does not end while it waits for a call', async () => {
  const code = `
    import { Daytona } from '@daytonaio/sdk';
    const sandbox = await new Daytona().get(process.argv[1]);
    console.log((await sandbox.process.executeCommand('sleep 0.5; echo waited')).result);`;
  assert.equal(await script(code, sandbox.id), 'waited\n\n');
});

test('Ctrl-C in the middle of a call ends the program and the command', async () => {
  const code = `
    import { Daytona } from '@daytonaio/sdk';
    const sandbox = await new Daytona().get(process.argv[1]);
    await sandbox.process.executeCommand('echo $$ > interrupted; sleep 600');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, sandbox.id], { cwd });
  await until(async () => (await sandbox.process.executeCommand('test -s interrupted')).exitCode === 0);
  child.kill('SIGINT');
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGINT');
  await untilEnded(sandbox, 'interrupted');
});

test('a worker works, and may be terminated in the middle of calls', async () => {
  const code = `
    import { Worker } from 'node:worker_threads';
    const body = \`
      import { parentPort, workerData } from 'node:worker_threads';
      import { Daytona } from '@daytonaio/sdk';
      const sandbox = await new Daytona().get(workerData);
      const { result } = await sandbox.process.executeCommand('echo worker');
      for (let i = 0; i < 20; i++) sandbox.process.executeCommand('sleep 5');
      await sandbox.process.createPty({ onData: () => {} });
      parentPort.postMessage(result);\`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(body, { eval: true, workerData: process.argv[1] });
      const result = await new Promise((done, fail) => worker.once('message', done).once('error', fail));
      await worker.terminate();
      process.stdout.write(result);
    }
    // Long enough for the completions of the terminated worker's calls to arrive.
    await new Promise((done) => setTimeout(done, 200));`;
  assert.equal(await script(code, sandbox.id), 'worker\n'.repeat(3));
});

test('the main thread works after a worker that used the package ended', async () => {
  const code = `
    import { Worker } from 'node:worker_threads';
    import { Daytona } from '@daytonaio/sdk';
    const body = \`
      import { workerData } from 'node:worker_threads';
      import { Daytona } from '@daytonaio/sdk';
      await new Daytona().get(workerData);\`;
    const worker = new Worker(body, { eval: true, workerData: process.argv[1] });
    await new Promise((done) => worker.once('exit', done));
    console.log((await new Daytona().get(process.argv[1])).state);`;
  assert.equal(await script(code, sandbox.id), 'started\n');
});
