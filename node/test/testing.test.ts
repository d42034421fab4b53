// The engine that programs test themselves with.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Daytona, DaytonaError, DaytonaNotFoundError, DaytonaRateLimitError } from '@daytonaio/sdk';
import { Engine, useEngine } from '@daytonaio/sdk/testing';
import { until } from './support.js';

// region: agent
const engine = useEngine({ before, after, afterEach });

test('an idle sandbox stops', async () => {
  const daytona = new Daytona();
  const sandbox = await daytona.create({ autoStopInterval: 15 });
  await engine().clock.advance('15m');
  await sandbox.refreshData();
  assert.equal(sandbox.state, 'stopped');
  daytona.close();
});

test('a lost answer', async () => {
  const daytona = engine().client();
  const sandbox = await daytona.create();
  await engine().faults.add({ drop: 'after' }, { path: '/process/execute' });
  await assert.rejects(sandbox.process.executeCommand('make deploy'));
  daytona.close();
});
// endregion

test('a day of timers takes a moment', async () => {
  const daytona = new Daytona();
  const sandbox = await daytona.create({ autoStopInterval: 15, autoDeleteInterval: 30 });
  assert.deepEqual(await engine().clock.advance('14m'), []);
  const done = await engine().clock.advance('1d');
  assert.deepEqual(
    done.map(({ action, sandboxId }) => [action, sandboxId]),
    [
      ['stop', sandbox.id],
      ['delete', sandbox.id],
    ],
  );
  await assert.rejects(daytona.get(sandbox.id), DaytonaNotFoundError);
  daytona.close();
});

test('faults happen as asked, and each test begins anew', async () => {
  const { faults } = engine();
  const daytona = new Daytona();
  assert.deepEqual(await faults.left(), []);
  const sandbox = await daytona.create();
  await faults.add({ drop: 'after' }, { path: '/process/execute' });
  await assert.rejects(sandbox.process.executeCommand('touch /tmp/ran'), DaytonaError);
  assert.equal((await sandbox.process.executeCommand('test -e /tmp/ran')).exitCode, 0);
  const refused = { answer: { status: 429, headers: { 'Retry-After': '3600' } } };
  await faults.add(refused, { path: `/sandbox/${sandbox.id}` });
  await assert.rejects(sandbox.refreshData(), DaytonaRateLimitError);
  await assert.rejects(faults.extend([{ do: { cut: -1 } }]), /cannot be read/);
  daytona.close();
});

test('sandboxes are there in any state', async () => {
  const made = await engine().seed({ name: 'old', state: 'archived' }, { name: 'new' });
  assert.deepEqual(
    made.map(({ state }) => state),
    ['archived', 'started'],
  );
});

test('an engine ends with its process however that ends', async () => {
  const place = mkdtempSync(join(tmpdir(), 'daytona-'));
  const module = join(__dirname, '..', 'dist', 'testing.js');
  const program = `require(${JSON.stringify(module)}).Engine.start().then(() => { console.log('ready'); setInterval(() => {}, 1000); })`;
  const env = { ...process.env, DAYTONA_LOCAL_STATE_DIR: place };
  const child = execFile(process.execPath, ['-e', program], { env });
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  assert.equal(readdirSync(join(place, 'tests')).length, 1);
  child.kill('SIGKILL');
  await until(() => existsSync(join(place, 'tests')) && readdirSync(join(place, 'tests')).length === 0);
  rmSync(place, { recursive: true });
});

test('a recording is answered again', async () => {
  const life = async (daytona: Daytona) => {
    const sandbox = await daytona.create();
    const { result } = await sandbox.process.executeCommand('date +%N');
    await sandbox.delete();
    daytona.close();
    return result;
  };
  await engine().startRecording();
  const told = await life(engine().client());
  const recording = await engine().stopRecording();
  assert.match(await engine().recordingPage(recording), /date \+%N/);
  const place = mkdtempSync(join(tmpdir(), 'daytona-'));
  const file = join(place, 'life.jsonl');
  writeFileSync(file, recording);
  const again = await Engine.start({ arguments: ['--replay', file] });
  try {
    assert.equal(await life(again.client()), told);
  } finally {
    await again.close();
    rmSync(place, { recursive: true });
  }
});

test('an engine that cannot start says why', async () => {
  await assert.rejects(Engine.start({ arguments: ['--isolation', 'magic'] }), /isolation/);
  await assert.rejects(Engine.start({ binary: '/nowhere' }), /\/nowhere/);
});
