// The life of a sandbox: pause, stop, archive, size, copies, intervals.
//
//   DAYTONA_API_URL=local npx tsx life.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

async function pause(sandbox: Sandbox): Promise<void> {
  // region: pause
  await sandbox.pause(); // Its processes stand still and keep their memory.
  console.log(sandbox.state);
  await sandbox.start();
  // endregion
  console.log(sandbox.state);
}

async function archive(sandbox: Sandbox): Promise<void> {
  // region: archive
  await sandbox.process.executeCommand('echo kept > note');
  await sandbox.stop();
  await sandbox.archive();
  await sandbox.start();
  console.log((await sandbox.process.executeCommand('cat note')).result);
  // endregion
}

async function resize(sandbox: Sandbox): Promise<void> {
  // region: resize
  await sandbox.resize({ cpu: 2, memory: 2 }); // While it runs.
  await sandbox.stop();
  await sandbox.resize({ disk: 5 }); // A disk takes a stopped sandbox.
  await sandbox.start();
  console.log(sandbox.cpu, sandbox.memory, sandbox.disk);
  // endregion
}

async function fork(sandbox: Sandbox): Promise<void> {
  // region: fork
  await sandbox.process.executeCommand('echo original > note');
  const copy = await sandbox.fork();
  await copy.process.executeCommand('echo copied >> note');
  console.log((await copy.process.executeCommand('cat note')).result);
  console.log((await sandbox.process.executeCommand('cat note')).result);
  await copy.delete();
  // endregion
}

async function intervals(sandbox: Sandbox): Promise<void> {
  // region: intervals
  await sandbox.setAutoStopInterval(30); // Minutes without activity.
  await sandbox.setAutoArchiveInterval(60); // Minutes since it stopped.
  await sandbox.setAutoDeleteInterval(24 * 60);
  await sandbox.setTtl(7 * 24 * 60); // Minutes from now, whatever its state.
  await sandbox.refreshActivity();
  // endregion
  console.log(sandbox.autoStopInterval, sandbox.autoDestroyAt);
}

async function environment(sandbox: Sandbox): Promise<void> {
  // region: environment
  await sandbox.updateEnv({ set: { STAGE: 'test' }, unset: ['OLDPWD'] });
  console.log((await sandbox.process.executeCommand('echo $STAGE')).result);
  // endregion
}

async function metrics(sandbox: Sandbox): Promise<void> {
  // region: metrics
  const now = await sandbox.getMetricsLatest();
  console.log(now.memUsed, 'of', now.memTotal);
  // Of the last hour.
  for (const at of await sandbox.getMetrics()) {
    console.log(at.timestamp, at.cpuUsedPct);
  }
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [pause, archive, resize, fork, intervals, environment, metrics]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
