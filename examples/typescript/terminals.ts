// Terminals: a shell as a person uses it, driven by a program. See shell.ts for one that is driven by a person.
//
//   DAYTONA_API_URL=local npx tsx terminals.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

async function create(sandbox: Sandbox): Promise<void> {
  // region: create
  const terminal = await sandbox.process.createPty({ id: 'work', rows: 30, cols: 100 });
  await terminal.sendInput('stty size; exit 7\n');
  for await (const data of terminal) {
    process.stdout.write(data);
  }
  console.log('exit code', terminal.exitCode);
  // endregion
}

async function resizeKill(sandbox: Sandbox): Promise<void> {
  // region: resize-kill
  const terminal = await sandbox.process.createPty({ id: 'second' });
  await terminal.resize(120, 40);
  await terminal.disconnect(); // Its session goes on.

  const again = await sandbox.process.connectPty('second');
  await again.kill();
  // endregion
  const left = await sandbox.process.listPtySessions();
  console.log('left:', left.map(({ id }) => id).join(' ') || 'none');
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [create, resizeKill]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
