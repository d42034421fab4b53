import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaytonaTimeoutError, type ExecutionError, type Sandbox } from '@daytonaio/sdk';
import { sandboxForFile, until } from './support.js';

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

test('variables last from run to run, in each context its own', async () => {
  const { codeInterpreter } = sandbox;
  const context = await codeInterpreter.createContext('/tmp');
  assert.equal(context.cwd, '/tmp');
  await codeInterpreter.runCode('x = 1');
  await codeInterpreter.runCode('x = 2', { context });
  assert.equal((await codeInterpreter.runCode('print(x)')).stdout, '1\n');
  assert.equal((await codeInterpreter.runCode('print(x)', { context })).stdout, '2\n');
  assert.equal(
    (await codeInterpreter.listContexts()).some(({ id }) => id === context.id),
    true,
  );
  await codeInterpreter.deleteContext(context);
});

test('handlers take the output live and the exception', async () => {
  const output: string[] = [];
  let failure: ExecutionError | undefined;
  const result = await sandbox.codeInterpreter.runCode(
    'import sys, os\nprint("out €")\nprint("err", file=sys.stderr)\nprint(os.environ["A"])\n1/0',
    {
      envs: { A: 'b' },
      onStdout: (message) => output.push(`1 ${message.output}`),
      onStderr: async (message) => output.push(`2 ${message.output}`),
      onError: (error) => {
        failure = error;
      },
    },
  );
  assert.equal(result.stdout, 'out €\nb\n');
  assert.equal(result.stderr, 'err\n');
  assert.equal(result.error?.name, 'ZeroDivisionError');
  assert.deepEqual(failure, result.error);
  assert.ok(output.some((line) => line.startsWith('2 err')));
});

test('leaving the loop over a run ends the run', async () => {
  const { codeInterpreter } = sandbox;
  const context = await codeInterpreter.createContext('/tmp');
  const code =
    'import time\nwhile True:\n  print("on", file=open("/tmp/ticks", "a"))\n  print("on")\n  time.sleep(0.05)';
  for await (const event of await codeInterpreter.runCodeStream(code, { context })) {
    assert.equal(event.type, 'stdout');
    break;
  }
  const ticks = 'stat -c %s /tmp/ticks';
  await until(async () => {
    const { result } = await sandbox.process.executeCommand(`${ticks}; sleep 0.5; ${ticks}`);
    const [before, after] = result.split('\n');
    return before === after;
  });
});

test('a run that takes too long is interrupted', async () => {
  await assert.rejects(
    sandbox.codeInterpreter.runCode('import time\ntime.sleep(30)', { timeout: 1 }),
    DaytonaTimeoutError,
  );
});
