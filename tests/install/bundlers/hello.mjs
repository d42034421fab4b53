// What every runtime and every bundle runs: a command, a terminal, and the end by itself.

import { Daytona, debugStats } from '@daytonaio/sdk';

export async function hello() {
  const daytona = new Daytona();
  const sandbox = await daytona.create();
  try {
    const { result } = await sandbox.process.executeCommand('echo hello');
    const pty = await sandbox.process.createPty({ onData: () => {} });
    await pty.sendInput('exit 3\n');
    const { exitCode } = await pty.wait();
    return `${result.trim()} ${exitCode}`;
  } finally {
    await sandbox.delete();
    daytona.close();
  }
}

/** Nothing is left over. */
export function left() {
  return Object.values(debugStats()).reduce((sum, count) => sum + count, 0);
}
