// Processes: commands and programs with a result, processes that live, sessions.
//
//   DAYTONA_API_URL=local npx tsx processes.ts

import { Daytona, DaytonaTimeoutError, type Sandbox } from '@daytonaio/sdk';

async function exec(sandbox: Sandbox): Promise<void> {
  // region: exec
  const { exitCode, result } = await sandbox.process.executeCommand('echo "$GREETING from $PWD"', {
    cwd: '/tmp',
    env: { GREETING: 'hello' },
    timeout: 10,
  });
  console.log(exitCode, result);
  // endregion
}

async function codeRun(sandbox: Sandbox): Promise<void> {
  // region: code-run
  const program = 'import sys; print(sum(map(int, sys.argv[1:])))';
  const { exitCode, result } = await sandbox.process.codeRun(program, { argv: ['1', '2', '3'] });
  console.log(exitCode, result);
  // endregion
}

async function spawn(sandbox: Sandbox): Promise<void> {
  // region: spawn
  const command = 'echo building; echo careful >&2; echo done';
  await using build = await sandbox.process.spawn(command); // Ended with everything it started when the block is left.
  const exitCode = await build.forward({
    onStdout: (text) => process.stdout.write(text),
    onStderr: (text) => process.stderr.write(text),
  });
  console.log('exit code', exitCode);

  // Each reader has the whole output: as lines, as text, as bytes, or as a stream.
  for await (const line of build.stdout.lines()) {
    console.log('line:', line);
  }
  // endregion
}

async function stdin(sandbox: Sandbox): Promise<void> {
  // region: stdin
  await using sort = await sandbox.process.spawn('sort', { stdin: true });
  await sort.write('pear\n');
  await sort.write(Buffer.from('apple\n'));
  await sort.closeStdin();
  console.log(await sort.stdout.text());
  // endregion
}

async function signals(sandbox: Sandbox): Promise<void> {
  const command = "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
  // region: signals
  await using server = await sandbox.process.spawn(command);
  await server.waitForLog('ready');
  await server.sendSignal('SIGTERM');
  try {
    console.log('exit code', await server.wait(5));
  } catch (error) {
    if (!(error instanceof DaytonaTimeoutError)) throw error;
    await server.kill(); // SIGKILL, to the whole tree.
  }
  // endregion
}

async function reattach(sandbox: Sandbox): Promise<void> {
  // region: reattach
  const { id } = await sandbox.process.spawn('echo first; sleep 1000'); // All that it takes, from any program.

  const found = await sandbox.process.attach(id);
  await found.waitForLog('first');
  console.log(found.command, 'wrote so far:', await found.stdout.text({ follow: false }));
  await found.release();
  // endregion
}

async function waits(sandbox: Sandbox): Promise<void> {
  // region: waits
  await using server = await sandbox.process.spawn('python3 -um http.server --bind 127.0.0.1 8000');
  await sandbox.process.waitForPort(8000, 10);
  console.log(await server.waitForLog(/port \d+/));
  // endregion
}

async function sessions(sandbox: Sandbox): Promise<void> {
  // region: sessions
  await sandbox.process.createSession('build');
  await sandbox.process.executeSessionCommand('build', { command: 'cd /tmp && NAME=world' });
  const { stdout } = await sandbox.process.executeSessionCommand('build', { command: 'echo "hello $NAME from $PWD"' });
  console.log(stdout);
  await sandbox.process.deleteSession('build');
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [exec, codeRun, spawn, stdin, signals, reattach, waits, sessions]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
