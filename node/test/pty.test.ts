import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaytonaClosedError, DaytonaValidationError, type Sandbox } from '@daytonaio/sdk';
import { sandboxForFile } from './support.js';

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

test('a terminal hands its output to the handler and says how it ended', async () => {
  let output = '';
  const pty = await sandbox.process.createPty({
    id: 'handler',
    cols: 100,
    rows: 30,
    envs: { WORD: 'set' },
    onData: (data) => {
      output += Buffer.from(data).toString();
    },
  });
  await pty.waitForConnection();
  assert.equal(pty.sessionId, 'handler');
  assert.equal(pty.isConnected(), true);
  assert.equal(pty.exitCode, undefined);
  await pty.sendInput('stty size; echo "<$WORD>"; exit 7\n');
  const result = await pty.wait();
  assert.equal(result.exitCode, 7);
  assert.equal(pty.exitCode, 7);
  assert.match(output, /30 100/);
  assert.match(output, /<set>/);
  assert.equal(pty.isConnected(), false);
  await assert.rejects(pty.sendInput('x'), DaytonaClosedError);
});

test('inputs arrive in the order they were sent, waited for or not', async () => {
  const pty = await sandbox.process.createPty();
  const numbers = Array.from({ length: 500 }, (_, number) => `${number} `);
  const expected = numbers.join('');
  await pty.sendInput(`stty raw -echo; echo rea''dy; head -c ${expected.length}; exit\n`);
  let output = '';
  for await (const data of pty) {
    output += data.toString();
    if (output.includes('ready')) {
      break;
    }
  }
  await Promise.all(numbers.map((number) => pty.sendInput(number)));
  for await (const data of pty) {
    output += data.toString();
  }
  assert.ok(output.includes(expected), output);
});

test('a terminal can be read between inputs', async () => {
  await using pty = await sandbox.process.createPty();
  const readUntil = async (wanted: RegExp) => {
    let output = '';
    for await (const data of pty) {
      output += data.toString();
      if (wanted.test(output)) {
        return output;
      }
    }
    throw new assert.AssertionError({ message: `ended without ${wanted}: ${output}` });
  };
  await pty.sendInput('echo first-$((1+1))\n');
  await readUntil(/first-2/);
  assert.equal((await pty.resize(120, 40)).cols, 120);
  assert.equal((await pty.resize({ cols: 90, rows: 20 })).rows, 20);
  await pty.sendInput(Buffer.from('stty size\n'));
  await readUntil(/20 90/);
});

test('of sizes given without waiting the last one stays', async () => {
  const pty = await sandbox.process.createPty({ id: 'sizes' });
  for (let round = 1; round <= 5; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => pty.resize(50 + n * round, 10 + n)));
    const { cols, rows } = await sandbox.process.getPtySessionInfo('sizes');
    assert.deepEqual([cols, rows], [50 + 19 * round, 29]);
  }
  await pty.kill();
});

test('a session outlives its connection', async () => {
  const first = await sandbox.process.createPty({ id: 'again' });
  await first.sendInput('kept=yes\n');
  await first.disconnect();
  assert.equal(first.isConnected(), false);
  assert.deepEqual(await first.wait(), {});
  const second = await sandbox.process.connectPty('again');
  await second.sendInput('echo "kept: <$kept>"; exit\n');
  let output = '';
  for await (const data of second) {
    output += data.toString();
  }
  assert.match(output, /kept: <yes>/);
  assert.equal(second.exitCode, 0);
});

test('a killed terminal ends', async () => {
  const pty = await sandbox.process.createPty({ id: 'killed', onData: () => {} });
  await pty.kill();
  await pty.wait();
  assert.equal(
    (await sandbox.process.listPtySessions()).some(({ id, active }) => id === 'killed' && active),
    false,
  );
});

test('an error of the handler is reported by wait', async () => {
  const pty = await sandbox.process.createPty({
    onData: () => {
      throw new RangeError('mine');
    },
  });
  await pty.sendInput('echo\n');
  await assert.rejects(pty.wait(), { name: 'RangeError', message: 'mine' });
  await pty.disconnect();
});

test('a size no terminal has is refused', async () => {
  await assert.rejects(sandbox.process.createPty({ cols: 0 }), DaytonaValidationError);
});
