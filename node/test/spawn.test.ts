import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import {
  DaytonaCancelledError,
  DaytonaClosedError,
  DaytonaCommandAlreadyCompletedError,
  DaytonaInvalidArgumentError,
  DaytonaProcessNotFoundError,
  DaytonaTimeoutError,
  debugStats,
  type LogChunk,
  type Sandbox,
  type SpawnedProcess,
} from '@daytonaio/sdk';
import { sandboxForFile, until } from './support.js';

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

/** Spawns a process for the length of a test. */
async function withProcess(
  command: string,
  options: Parameters<Sandbox['process']['spawn']>[1],
  run: (process: SpawnedProcess) => Promise<void>,
): Promise<void> {
  const process = await sandbox.process.spawn(command, options);
  try {
    await run(process);
  } finally {
    await process.release();
  }
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

test('lines have neither kind of line end', async () => {
  await using spawned = await sandbox.process.spawn("printf 'one\\r\\ntwo\\n\\r\\nlast'");
  const lines: string[] = [];
  for await (const line of spawned.stdout.lines()) {
    lines.push(line);
  }
  assert.deepEqual(lines, ['one', 'two', '', 'last']);
});

test('outputs are apart, as bytes, text, lines and streams, again and again', async () => {
  const command = "printf 'ä\\n\\nno end'; printf '\\377\\376' >&2; exit 3";
  await withProcess(command, {}, async (process) => {
    assert.equal(await process.wait(120), 3);
    assert.equal(process.exitCode, 3);
    assert.equal(await process.stdout.text(), 'ä\n\nno end');
    assert.deepEqual(await collected(process.stdout.lines()), ['ä', '', 'no end']);
    assert.equal((await collected(process.stdout.decoded())).join(''), 'ä\n\nno end');
    assert.deepEqual(Buffer.concat(await collected(process.stderr)), Buffer.from([0xff, 0xfe]));
    assert.deepEqual(await process.stderr.bytes(), Buffer.from([0xff, 0xfe]));
    assert.deepEqual(Buffer.concat(await collected(process.stdout.readable())).toString(), 'ä\n\nno end');
    assert.equal(await new Response(process.stdout.web() as never).text(), 'ä\n\nno end');
  });
});

test('both outputs come together in order, with their channels, and to handlers', async () => {
  const command = 'echo 1; read -r _; echo 2 >&2; read -r _; echo 3; exit 4';
  await withProcess(command, { stdin: true }, async (process) => {
    const seen: LogChunk[] = [];
    for await (const chunk of await process.output()) {
      if (seen.push(chunk) < 3) {
        await process.write('\n');
      }
    }
    assert.deepEqual(
      seen.map(({ channel, text }) => [channel, text]),
      [
        ['stdout', '1\n'],
        ['stderr', '2\n'],
        ['stdout', '3\n'],
      ],
    );
    const taken: string[] = [];
    const exitCode = await process.forward({
      onStdout: (text) => taken.push(`out ${text}`),
      onStderr: (text) => taken.push(`err ${text}`),
    });
    assert.equal(exitCode, 4);
    assert.equal(taken.join(''), 'out 1\nerr 2\nout 3\n');
  });
});

test('what a handler throws ends the reading and not the process', async () => {
  await withProcess('echo one; cat', { stdin: true }, async (process) => {
    const onStdout = () => {
      throw new Error('enough');
    };
    await assert.rejects(process.forward({ onStdout }), /enough/);
    await process.closeStdin();
    assert.equal(await process.wait(120), 0);
  });
});

test('a stream that was closed is not read any more', async () => {
  await withProcess('echo a; sleep 600', {}, async (process) => {
    const output = await process.output();
    output.close();
    await assert.rejects(collected(output), DaytonaClosedError);
  });
});

test('a character cut in two is whole in text and lines', async () => {
  await withProcess("printf '\\303'; sleep 0.1; printf '\\244\\nx'", {}, async (process) => {
    assert.deepEqual(await collected(process.stdout.lines()), ['ä', 'x']);
  });
});

test('a byte order mark is output like any other', async () => {
  await withProcess("printf '\\357\\273\\277x'", {}, async (process) => {
    assert.equal(await process.stdout.text(), '\ufeffx');
  });
});

test('a long line is put together, and a slow reader loses nothing', async () => {
  await withProcess('seq 200000 | tr "\\n" " "; echo; echo end', {}, async (process) => {
    const [long, end, ...others] = await collected(process.stdout.lines());
    assert.equal(long?.split(' ').length, 200001);
    assert.deepEqual([end, others], ['end', []]);
  });
});

test('input arrives in the order it was written, as text, bytes and a stream', async () => {
  await withProcess('cat', { stdin: true }, async (process) => {
    const writes = [process.write('one '), process.write(Buffer.from([0, 255])), process.write(' two')];
    await Promise.all([...writes, process.closeStdin()]);
    assert.equal(await process.wait(120), 0);
    const expected = Buffer.concat([Buffer.from('one '), Buffer.from([0, 255]), Buffer.from(' two')]);
    assert.deepEqual(await process.stdout.bytes(), expected);
    await assert.rejects(process.write('late'), DaytonaCommandAlreadyCompletedError);
  });
  await withProcess('sort', { stdin: true }, async (process) => {
    await pipeline(Readable.from(['b\n', 'a\n']), process.writable());
    assert.equal(await process.stdout.text(), 'a\nb\n');
  });
  await withProcess('sleep 100', {}, (process) => assert.rejects(process.write('x'), DaytonaInvalidArgumentError));
});

test('a wait that times out or is aborted leaves the process and its output', async () => {
  await withProcess('echo early; sleep 1000', {}, async (process) => {
    assert.equal(await process.waitForLog('early'), 'early');
    await assert.rejects(process.wait(0.1), DaytonaTimeoutError);
    await assert.rejects(process.wait({ signal: AbortSignal.timeout(50) }), DaytonaCancelledError);
    assert.equal(await process.poll(), undefined);
    assert.equal(process.exitCode, undefined);
    assert.equal(await process.stdout.text({ follow: false }), 'early\n');
    await process.kill();
    assert.equal(await process.wait(120), 137);
    assert.equal(await process.poll(), 137);
    assert.equal(await process.stdout.text(), 'early\n');
  });
});

test('signals have names and numbers', async () => {
  for (const signal of ['SIGTERM', 'TERM', 15] as const) {
    await withProcess('sleep 1000', {}, async (process) => {
      await process.sendSignal(signal);
      assert.equal(await process.wait(120), 143);
    });
  }
});

test('directory and environment are those given', async () => {
  await withProcess('pwd; echo "$SECRET"', { cwd: '/tmp', env: { SECRET: 's3cret' } }, async (process) => {
    assert.equal(process.cwd, '/tmp');
    assert.equal(await process.stdout.text(), '/tmp\ns3cret\n');
    assert.ok(!JSON.stringify(process).includes('s3cret'));
  });
});

test('a process is found again by its id and from what its handle said', async () => {
  await withProcess('cat', { stdin: true }, async (process) => {
    const [listed] = (await sandbox.process.listSpawned()).filter(({ id }) => id === process.id);
    assert.deepEqual(listed?.toJSON(), process.toJSON());
    const attached = await sandbox.process.attach(process.id);
    assert.equal(attached.command, 'cat');
    await attached.write('from elsewhere');
    await (await sandbox.process.attach(JSON.parse(JSON.stringify(process)))).closeStdin();
    assert.equal(await process.stdout.text(), 'from elsewhere');
    assert.equal((await sandbox.process.getSpawned(process.id)).exitCode, 0);
    await process.release();
    await process.release();
    await assert.rejects(sandbox.process.attach(process.id), DaytonaProcessNotFoundError);
  });
});

test('disposal releases the process with everything it started', async () => {
  const process = await sandbox.process.spawn('sleep 4321 & sleep 4321');
  const running = async () => (await sandbox.process.executeCommand('pgrep -cfx "sleep 4321"')).result;
  await until(async () => (await running()) === '2\n');
  await process[Symbol.asyncDispose]();
  // A killed process is there until it has had its turn.
  await until(async () => (await running()) === '0\n');
});

test('readers that stop early leave nothing open, also while they wait', async () => {
  const before = debugStats().streams;
  await withProcess('echo one; cat', { stdin: true }, async (process) => {
    for await (const line of process.stdout.lines()) {
      assert.equal(line, 'one');
      break;
    }
    const stream = process.stdout.readable();
    stream.once('data', (data) => assert.equal(data.toString(), 'one\n'));
    await until(() => stream.readableFlowing === true && stream.listenerCount('data') === 0);
    stream.destroy();
    const reader = process.stdout.web().getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'one\n');
    const waiting = reader.read();
    await reader.cancel();
    assert.equal((await waiting).done, true);
    const signal = AbortSignal.timeout(50);
    await assert.rejects(process.stdout.text({ signal }), DaytonaCancelledError);
    await until(() => debugStats().streams === before);
  });
});

test('ports and lines are waited for', async () => {
  await withProcess('python3 -um http.server 8765 --bind 127.0.0.1', {}, async (server) => {
    await sandbox.process.waitForPort(8765, 120);
    assert.match(await server.waitForLog(/PORT \d+/i, { channel: 'stdout' }), /port 8765/);
  });
  await assert.rejects(sandbox.process.waitForPort(8766, 0.1), DaytonaTimeoutError);
  await sandbox.process.createSession('waits');
  const request = { command: 'echo up; sleep 1000', runAsync: true };
  const { cmdId } = await sandbox.process.executeSessionCommand('waits', request);
  assert.equal(await sandbox.process.waitForLog('waits', cmdId, 'u', 120), 'up');
  await assert.rejects(sandbox.process.waitForLog('waits', cmdId, /^down$/, { timeout: 0.1 }), DaytonaTimeoutError);
  await sandbox.process.deleteSession('waits');
});
