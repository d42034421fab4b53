// Hands your terminal to a sandbox: what you type goes there, full-screen programs work, and the exit code is that of the
// shell in the sandbox.
//
//   DAYTONA_API_URL=local npx tsx shell.ts [sandbox]
//
// Without the id or name of a sandbox it makes one, and deletes it afterwards.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Daytona, DaytonaError, type PtyHandle, type Sandbox } from '@daytonaio/sdk';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** This and the signal's number are the exit code of a program that a signal ends. */
const EXIT_SIGNAL = 128;
/** What would end this program at once; the terminal would stay as it is. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Connects this terminal with one in the sandbox until one of them ends. Returns the exit code of the shell there. */
async function shell(sandbox: Sandbox, signal: AbortSignal): Promise<number> {
  const envs = { TERM: process.env.TERM ?? 'xterm' };
  const pty = await sandbox.process.createPty({ envs, ...size(), signal });
  const resize = () => {
    // One that has just ended has no size; nobody misses it.
    const { cols, rows } = size();
    pty.resize(cols, rows).catch(() => {});
  };
  process.stdout.on('resize', resize);
  process.stdin.setRawMode(true);
  // Node.js leaves the translation of line feeds on, which full-screen programs do not expect.
  execFileSync('stty', ['-opost'], { stdio: 'inherit' });
  try {
    type(pty);
    for await (const data of pty) {
      if (!process.stdout.write(data)) {
        await once(process.stdout, 'drain');
      }
    }
    return pty.exitCode ?? EXIT_FAILURE;
  } finally {
    process.stdin.setRawMode(false);
    process.stdout.off('resize', resize);
    // It has ended, or nobody is connected any more.
    await pty.kill().catch(() => {});
  }
}

/** Sends what is typed. */
async function type(pty: PtyHandle): Promise<void> {
  try {
    for await (const data of process.stdin) {
      await pty.sendInput(data);
    }
  } catch {
    // Nobody listens any more.
  }
}

function size(): { cols: number; rows: number } {
  return { cols: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}

async function main(name: string | undefined): Promise<number> {
  if (!process.stdin.isTTY) {
    console.error('shell: standard input is not a terminal');
    return EXIT_USAGE;
  }
  const ended = new AbortController();
  let exitCode: number | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      exitCode ??= EXIT_SIGNAL + constants.signals[signal];
      ended.abort();
    });
  }
  // Also when something throws where nobody catches it.
  process.on('exit', () => process.stdin.setRawMode(false));
  try {
    const daytona = new Daytona();
    if (name !== undefined) {
      return await shell(await daytona.get(name), ended.signal);
    }
    await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
    return await shell(sandbox, ended.signal);
  } catch (error) {
    if (exitCode !== undefined) {
      return exitCode;
    }
    if (!(error instanceof DaytonaError)) {
      throw error;
    }
    console.error('shell:', error.message);
    return EXIT_FAILURE;
  }
}

process.exitCode = await main(process.argv[2]);
// What nobody types must not keep the program waiting.
process.stdin.unref();
