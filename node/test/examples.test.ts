// The example programs, as people run them. `shell.ts` is driven through a real terminal, which `script` makes.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Sandbox } from '@daytonaio/sdk';
import { sandboxForFile, until } from './support.js';

const examples = join(__dirname, '..', '..', 'examples', 'typescript');
/** What runs TypeScript. */
const tsx = ['--import', pathToFileURL(require.resolve('tsx')).href];

let sandbox: Sandbox;
sandboxForFile((made) => {
  sandbox = made;
});

for (const name of [
  'desktop',
  'files',
  'git',
  'images',
  'interpreter',
  'language_servers',
  'life',
  'network',
  'previews',
  'processes',
  'secrets',
  'ssh',
  'telemetry',
  'terminals',
  'volumes',
  'webhooks',
]) {
  test(`the example ${name} runs to its end`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [...tsx, join(examples, `${name}.ts`)]);
    assert.match(stdout, /^--- /m);
  });
}

test('the first program says hello', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...tsx, join(examples, 'first.ts')]);
  assert.equal(stdout.trim(), 'hello');
});

/** A local terminal in which a command runs, and everything it showed. */
class LocalTerminal {
  readonly #script: ChildProcess;
  shown = '';

  constructor(command: string) {
    this.#script = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null']);
    this.#script.stdout?.on('data', (data) => {
      this.shown += data;
    });
    after(() => this.#script.kill());
  }

  /** Waits until the terminal has shown it, and returns the match. */
  async show(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.shown) || this.#script.exitCode !== null);
    return pattern.exec(this.shown) ?? assert.fail(`no ${pattern} in ${this.shown}`);
  }

  type(text: string): void {
    this.#script.stdin?.write(text);
  }

  async end(): Promise<void> {
    if (this.#script.exitCode === null) {
      await once(this.#script, 'exit');
    }
  }
}

/** The example in a terminal. Around it is shown what the terminal is called and what its attributes are. */
async function shell() {
  const program = [process.execPath, ...tsx, join(examples, 'shell.ts'), sandbox.id]
    .map((word) => `'${word}'`)
    .join(' ');
  const begin = 'echo "terminal $(tty)"; echo "before $(stty -g)"';
  const run = `sh -c 'echo "pid $$"; exec "$@"' shell ${program}`;
  const end = 'echo "code $?"; echo "after $(stty -g)"';
  const terminal = new LocalTerminal(`${begin}; ${run}; ${end}`);
  const device = (await terminal.show(/terminal (\S+)/))[1] as string;
  const before = (await terminal.show(/before (\S+)/))[1] as string;
  const pid = Number((await terminal.show(/pid (\d+)/))[1]);
  await terminal.show(/daytona@.*\$ /);
  assert.match(stty(device, '-a'), /-icanon/, 'the terminal is raw while the shell runs');
  return { terminal, device, before, pid };
}

function stty(device: string, ...what: string[]): string {
  return execFileSync('stty', ['-F', device, ...what], { encoding: 'utf8' });
}

test('the shell takes what is typed, follows the size, and passes its exit code on', async () => {
  const { terminal, device, before } = await shell();
  terminal.type('echo $((6 * 7))\r');
  await terminal.show(/^42\r$/m);
  stty(device, 'rows', '33', 'cols', '111');
  await until(async () => {
    const [session] = await sandbox.process.listPtySessions();
    return session?.rows === 33 && session.cols === 111;
  });
  // The change may have the prompt written again while this is typed.
  terminal.type('echo is $(stty size | tr " " x)\r');
  await terminal.show(/is 33x111\r$/m);
  terminal.type('exit 7\r');
  await terminal.show(/^code 7\r$/m);
  assert.equal((await terminal.show(/after (\S+)/))[1], before);
  await terminal.end();
  assert.deepEqual(await sandbox.process.listPtySessions(), []);
});

test('a shell that is ended by a signal leaves the terminal as it was', async () => {
  const { terminal, before, pid } = await shell();
  process.kill(pid, 'SIGTERM');
  await terminal.show(/code 143\r$/m);
  assert.equal((await terminal.show(/after (\S+)/))[1], before);
  await terminal.end();
  assert.deepEqual(await sandbox.process.listPtySessions(), []);
});

test('the shell refuses to start without a terminal', async () => {
  const run = promisify(execFile)(process.execPath, [...tsx, join(examples, 'shell.ts')]);
  await assert.rejects(run, { code: 2, stderr: 'shell: standard input is not a terminal\n' });
});
