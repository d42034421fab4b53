// Volumes: files that sandboxes share and that outlive them.
//
//   DAYTONA_API_URL=local npx tsx volumes.ts

import { randomUUID } from 'node:crypto';

import { Daytona } from '@daytonaio/sdk';

async function share(daytona: Daytona, name: string): Promise<void> {
  // region: share
  const volume = await daytona.volume.get(name, true);
  const volumes = [{ volumeId: volume.id, mountPath: '/home/daytona/shared' }];
  await using writer = await daytona.create({ volumes });
  await using reader = await daytona.create({ volumes });
  await writer.process.executeCommand('echo 0.87 > shared/score');
  console.log((await reader.process.executeCommand('cat shared/score')).result);
  // endregion
}

async function subpath(daytona: Daytona, name: string): Promise<void> {
  const volume = await daytona.volume.get(name);
  // region: subpath
  const mount = { volumeId: volume.id, mountPath: '/home/daytona/mine', subpath: 'tenants/42' };
  await using sandbox = await daytona.create({ volumes: [mount] });
  await sandbox.process.executeCommand('echo private > mine/notes');
  // endregion
}

async function manage(daytona: Daytona, name: string): Promise<void> {
  await daytona.volume.delete(await daytona.volume.get(name));
  // region: manage
  const created = await daytona.volume.create(`${name}-next`);
  const volume = await daytona.volume.waitForReady(created);
  console.log((await daytona.volume.list()).map((known) => known.name));
  await daytona.volume.delete(volume);
  // endregion
}

const name = `example-${randomUUID()}`;
await using daytona = new Daytona();
for (const part of [share, subpath, manage]) {
  console.log(`--- ${part.name}`);
  await part(daytona, name);
}
