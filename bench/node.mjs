// Benchmarks of the TypeScript package against `daytona-bench serve`, beside fetch and curl.
//
//   node bench/node.mjs server.json
//
// Every measurement is the best of several runs: on a busy machine the others measure its neighbours.

import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = process.env.BENCH_NODE_PACKAGE ?? fileURLToPath(new URL('../node', import.meta.url));
const { Daytona } = createRequire(import.meta.url)(PACKAGE);

const SERVER = JSON.parse(readFileSync(process.argv[2], 'utf8')).http;
const CONFIG = { apiKey: 'bench', apiUrl: SERVER };
const EXECUTE = `${SERVER}/toolbox/x/process/execute`;
const CALLS = 2000;
const BURST = 2000;
const LOG_BYTES = 256 * 2 ** 20;
const FILE_BYTES = 512 * 2 ** 20;

/** Writes a row for `daytona-bench table`. */
function emit(name, value, unit, { target, bare } = {}) {
  console.log(JSON.stringify({ subject: 'typescript', name, value, unit, target, bare }));
}

async function best(rounds, measure) {
  const values = [];
  for (let round = 0; round < rounds; round++) {
    values.push(await measure());
  }
  return Math.min(...values);
}

async function seconds(run) {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1e3;
}

/** Milliseconds that a program takes. */
function program(code) {
  return best(12, () =>
    seconds(() => {
      const { status } = spawnSync(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit'] });
      if (status !== 0) {
        throw new Error(`a program failed: ${code}`);
      }
    }).then((time) => time * 1e3),
  );
}

async function start() {
  const load = `const { Daytona } = require(${JSON.stringify(PACKAGE)});`;
  const nothing = await program('');
  emit('require: time above bare Node.js', (await program(load)) - nothing, 'ms', { target: 20 });
  const first = `${load}
    const daytona = new Daytona(${JSON.stringify(CONFIG)});
    daytona.create().then((sandbox) => sandbox.process.executeCommand('echo hello')).then(() => process.exit());`;
  const post = (url, body) =>
    `fetch('${url}', {method: 'POST', headers: {'content-type': 'application/json'}, body: '${body}'}).then((r) => r.json())`;
  const bare = `${post(`${SERVER}/sandbox`, '{}')}.then(() => ${post(EXECUTE, '{"command": "echo hello"}')}).then(() => process.exit());`;
  emit('program to first exec result', await program(first), 'ms', { bare: await program(bare) });
}

async function execBare(command) {
  const body = JSON.stringify({ command });
  const response = await fetch(EXECUTE, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return response.json();
}

async function sequential(sandbox) {
  const cpu = async (call) => {
    const before = process.cpuUsage();
    for (let n = 0; n < CALLS; n++) {
      await call('echo hello');
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / CALLS;
  };
  const bare = await best(5, () => cpu(execBare));
  const mine = await best(5, () => cpu((command) => sandbox.process.executeCommand(command)));
  emit('exec, one after the other: CPU', mine, 'us', { bare });
}

async function burst() {
  const many = (call) => seconds(() => Promise.all(Array.from({ length: BURST }, () => call('sleep 0.1'))));
  const mine = await best(3, async () => {
    // A new client: no connection stands.
    const daytona = new Daytona(CONFIG);
    const sandbox = await daytona.create();
    return many((command) => sandbox.process.executeCommand(command));
  });
  emit('2,000 concurrent execs of 100 ms', mine, 's', { target: 0.35, bare: await best(3, () => many(execBare)) });
}

async function logs(sandbox) {
  const read = async () => {
    let size = 0;
    for await (const chunk of await sandbox.process.streamSessionCommandLogs('s', String(LOG_BYTES))) {
      size += chunk.data.length;
    }
    if (size !== (LOG_BYTES / 1024) * 1021) {
      throw new Error(`${size} bytes of log`);
    }
  };
  const bare = async () => {
    const response = await fetch(`${SERVER}/zeros/${LOG_BYTES}`);
    for await (const _ of response.body) {
      // Only read.
    }
  };
  await read();
  const before = process.memoryUsage.rss();
  await read();
  const growth = (process.memoryUsage.rss() - before) / 1e6;
  const speed = async (run) => LOG_BYTES / 1e6 / (await best(3, () => seconds(run)));
  emit('log stream in frames of 1 KiB', await speed(read), 'MB/s', { target: 700, bare: await speed(bare) });
  emit('log stream: memory a second one adds', growth, 'MB', { target: 8 });
}

async function transfers(sandbox) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  const [up, down] = [join(directory, 'up'), join(directory, 'down')];
  const fresh = (run) => {
    // Freeing the old file is no part of writing the new one.
    rmSync(down, { force: true });
    return seconds(run);
  };
  const speed = async (run) => FILE_BYTES / 1e6 / (await best(3, () => fresh(run)));
  const curl = (...args) => {
    const { status } = spawnSync('curl', ['-sSf', '--noproxy', '*', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) {
      throw new Error('curl failed');
    }
  };
  try {
    const file = openSync(up, 'w');
    ftruncateSync(file, FILE_BYTES);
    closeSync(file);
    let bare = await speed(() => curl('-F', `files[0].file=@${up}`, `${SERVER}/sink`));
    let mine = await speed(() => sandbox.fs.uploadFile(up, '/up'));
    emit('upload by path (bare: curl)', mine, 'MB/s', { target: 0.9 * bare, bare });
    rmSync(up);

    const zeros = `/zeros/${FILE_BYTES}`;
    bare = await speed(() => curl('-o', down, SERVER + zeros));
    mine = await speed(() => sandbox.fs.downloadFile(zeros, down));
    emit('download by path (bare: curl)', mine, 'MB/s', { target: 0.9 * bare, bare });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await start();
const sandbox = await new Daytona(CONFIG).create();
await sequential(sandbox);
await burst();
await logs(sandbox);
await transfers(sandbox);
process.exit();
