import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DaytonaCancelledError,
  DaytonaProcessExecutionTimeoutError,
  DaytonaTimeoutError,
  type LogChunk,
  parseChart,
  type Sandbox,
} from '@daytonaio/sdk';
import { sandboxForFile, until, untilEnded } from './support.js';

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

test('a command takes its options by position and by name', async () => {
  const { process } = sandbox;
  const positional = await process.executeCommand('pwd; echo $A', '/tmp', { A: '1' }, 10);
  assert.equal(positional.result, '/tmp\n1\n');
  assert.equal(positional.exitCode, 0);
  assert.equal(positional.artifacts?.stdout, '/tmp\n1\n');
  const named = await process.executeCommand('pwd; echo $A', { cwd: '/tmp', env: { A: '1' }, timeout: 10 });
  assert.equal(named.result, positional.result);
});

test('a command that takes too long is killed', async () => {
  const call = sandbox.process.executeCommand('echo $$ > too-long; sleep 600', undefined, undefined, 1);
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof DaytonaProcessExecutionTimeoutError && error instanceof DaytonaTimeoutError);
    return true;
  });
  await untilEnded(sandbox, 'too-long');
});

test('aborting a call stops the command', async () => {
  const controller = new AbortController();
  const call = sandbox.process.executeCommand('echo $$ > aborted; sleep 600', { signal: controller.signal });
  const aborted = assert.rejects(call, (error) => {
    assert.ok(error instanceof DaytonaCancelledError);
    assert.equal(error.name, 'AbortError');
    assert.equal(error.cause, 'enough');
    assert.equal(error.operation, 'process.exec');
    return true;
  });
  await until(async () => (await sandbox.process.executeCommand('test -s aborted')).exitCode === 0);
  controller.abort('enough');
  await aborted;
  await untilEnded(sandbox, 'aborted');
});

test('a signal that is aborted already starts nothing', async () => {
  const mark = `/tmp/never-${Date.now()}`;
  const call = sandbox.process.executeCommand(`touch ${mark}`, { signal: AbortSignal.abort() });
  await assert.rejects(call, { name: 'AbortError' });
  assert.notEqual((await sandbox.process.executeCommand(`ls ${mark}`)).exitCode, 0);
});

test('code runs in the language of the sandbox or in another one', async () => {
  const python = await sandbox.process.codeRun('import sys; print(sys.argv[1:])', { argv: ['a', 'b'] });
  assert.equal(python.result, "['a', 'b']\n");
  const javascript = await sandbox.process.codeRun('console.log(process.env.A)', {
    env: { A: 'yes' },
    language: 'javascript',
  });
  assert.equal(javascript.result, 'yes\n');
});

test('charts of a run have the fields of their kind', async () => {
  const code = `
import matplotlib.pyplot as plt
plt.bar(['a', 'b'], [1, 2])
plt.xlabel('letters')
plt.title('Bars')
plt.show()`;
  const { artifacts } = await sandbox.process.codeRun(code);
  const chart = parseChart(artifacts?.charts?.[0] ?? assert.fail('no chart'));
  assert.ok(chart.type === 'bar');
  assert.equal(chart.title, 'Bars');
  assert.equal(chart.x_label, 'letters');
  assert.equal(chart.elements.length, 2);
  assert.equal(
    Buffer.from(chart.png ?? '', 'base64')
      .subarray(1, 4)
      .toString(),
    'PNG',
  );
});

test('the log of a session command can be taken live by handlers and by a loop', async () => {
  const { process } = sandbox;
  await process.createSession('logs');
  const command = 'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.1; done';
  const { cmdId } = await process.executeSessionCommand('logs', { command, async: true });
  const taken = { stdout: '', stderr: '' };
  await process.getSessionCommandLogs(
    'logs',
    cmdId,
    async (text) => {
      taken.stdout += text;
    },
    (text) => {
      taken.stderr += text;
    },
  );
  assert.deepEqual(taken, { stdout: 'out 1\nout 2\nout 3\n', stderr: 'err 1\nerr 2\nerr 3\n' });
  const chunks: LogChunk[] = [];
  for await (const chunk of await process.streamSessionCommandLogs('logs', cmdId)) {
    chunks.push(chunk);
  }
  const stdout = chunks.filter((chunk) => chunk.channel === 'stdout').map((chunk) => chunk.data);
  assert.equal(Buffer.concat(stdout).toString(), taken.stdout);
  const logs = await process.getSessionCommandLogs('logs', cmdId);
  assert.equal(logs.stderr, taken.stderr);
  await process.deleteSession('logs');
});

test('characters cut in two arrive whole as text and as they were as bytes', async () => {
  const { process } = sandbox;
  await process.createSession('cut');
  const command = String.raw`printf 'a\xe2\x82'; sleep 0.3; printf '\xac\xf0\x9f'; sleep 0.3; printf '\x9a\x80\xff'`;
  const { cmdId } = await process.executeSessionCommand('cut', { command, runAsync: true });
  let text = '';
  const pieces: Buffer[] = [];
  for await (const chunk of await process.streamSessionCommandLogs('cut', cmdId)) {
    text += chunk.text;
    pieces.push(chunk.data);
  }
  assert.match(text, /^a€🚀\ufffd\n?$/);
  assert.equal(Buffer.concat(pieces).subarray(0, 9).toString('hex'), '61e282acf09f9a80ff');
  await process.deleteSession('cut');
});

test('leaving the loop over a log closes it, and the command goes on', async () => {
  const { process } = sandbox;
  await process.createSession('leave');
  const command = 'echo one; sleep 1; echo two';
  const { cmdId } = await process.executeSessionCommand('leave', { command, runAsync: true });
  for await (const chunk of await process.streamSessionCommandLogs('leave', cmdId)) {
    if (chunk.text) {
      break;
    }
  }
  await until(async () => (await process.getSessionCommand('leave', cmdId)).exitCode === 0);
  assert.equal((await process.getSessionCommandLogs('leave', cmdId)).stdout, 'one\ntwo\n');
  await process.deleteSession('leave');
});

test('an error of a log handler reaches the caller', async () => {
  const { process } = sandbox;
  await process.createSession('handler');
  const { cmdId } = await process.executeSessionCommand('handler', { command: 'echo x; sleep 30', runAsync: true });
  const call = process.getSessionCommandLogs(
    'handler',
    cmdId,
    () => {
      throw new TypeError('mine');
    },
    () => {},
  );
  await assert.rejects(call, { name: 'TypeError', message: 'mine' });
  await process.deleteSession('handler');
});

test('a signal ends a log that is being followed', async () => {
  const { process } = sandbox;
  const controller = new AbortController();
  await process.createSession('follow');
  const { cmdId } = await process.executeSessionCommand('follow', { command: 'echo x; sleep 30', runAsync: true });
  const call = process.getSessionCommandLogs(
    'follow',
    cmdId,
    () => controller.abort(),
    () => {},
    {
      signal: controller.signal,
    },
  );
  await assert.rejects(call, DaytonaCancelledError);
  await process.deleteSession('follow');
});
