"use strict";
// What a program around the package sees: imports, exits, signals, threads.
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_events_1 = require("node:events");
const node_path_1 = require("node:path");
const node_test_1 = require("node:test");
const node_util_1 = require("node:util");
const support_js_1 = require("./support.js");
const run = (0, node_util_1.promisify)(node_child_process_1.execFile);
const cwd = (0, node_path_1.join)(__dirname, '..');
/** Runs a script and returns what it printed. */
async function script(code, ...args) {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code, ...args], { cwd });
    return stdout;
}
let sandbox;
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
(0, node_test_1.test)('the package is one file, and the native library waits for the first client', async () => {
    const code = `
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    require('@daytonaio/sdk');
    console.log(JSON.stringify(Object.keys(require.cache).map((file) => file.split('/').pop())));`;
    strict_1.default.deepEqual(JSON.parse(await script(code)), ['index.js']);
});
(0, node_test_1.test)('import and require give the same classes', async () => {
    const code = `
    import { createRequire } from 'node:module';
    import * as imported from '@daytonaio/sdk';
    const required = createRequire(process.cwd() + '/')('@daytonaio/sdk');
    const same = Object.keys(required).every((name) => imported[name] === required[name]);
    console.log(same, Object.keys(imported).length === Object.keys(required).length);`;
    strict_1.default.equal(await script(code), 'true true\n');
});
(0, node_test_1.test)('a program ends by itself when nothing is pending', async () => {
    const code = `
    import { Daytona } from '@daytonaio/sdk';
    const daytona = new Daytona();
    await daytona.get(process.argv[1]);
    console.log('done');`;
    strict_1.default.equal(await script(code, sandbox.id), 'done\n');
});
(0, node_test_1.test)('a program does not end while it waits for a call', async () => {
    const code = `
    import { Daytona } from '@daytonaio/sdk';
    const sandbox = await new Daytona().get(process.argv[1]);
    console.log((await sandbox.process.executeCommand('sleep 0.5; echo waited')).result);`;
    strict_1.default.equal(await script(code, sandbox.id), 'waited\n\n');
});
(0, node_test_1.test)('Ctrl-C in the middle of a call ends the program and the command', async () => {
    const mark = `/tmp/sigint-${Date.now()}`;
    const code = `
    import { Daytona } from '@daytonaio/sdk';
    const sandbox = await new Daytona().get(process.argv[1]);
    await sandbox.process.executeCommand('touch ${mark}; sleep 2; touch ${mark}-late');`;
    const child = (0, node_child_process_1.spawn)(process.execPath, ['--input-type=module', '-e', code, sandbox.id], { cwd });
    await (0, support_js_1.until)(async () => (await sandbox.process.executeCommand(`ls ${mark}`)).exitCode === 0);
    child.kill('SIGINT');
    const [, signal] = await (0, node_events_1.once)(child, 'exit');
    strict_1.default.equal(signal, 'SIGINT');
    const { exitCode } = await sandbox.process.executeCommand(`sleep 3; ls ${mark}-late`);
    strict_1.default.notEqual(exitCode, 0);
});
(0, node_test_1.test)('a worker works, and may be terminated in the middle of calls', async () => {
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
    strict_1.default.equal(await script(code, sandbox.id), 'worker\n'.repeat(3));
});
(0, node_test_1.test)('the main thread works after a worker that used the package ended', async () => {
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
    strict_1.default.equal(await script(code, sandbox.id), 'started\n');
});
