// Images and snapshots: what sandboxes are made from.
//
//   DAYTONA_API_URL=local npx tsx images.ts

import { fileURLToPath } from 'node:url';
import { Daytona, Image } from '@daytonaio/sdk';

const dockerfile = fileURLToPath(new URL('../data/node-app/Dockerfile', import.meta.url));

function science(): void {
  // region: science
  const image = Image.debianSlim('3.12')
    .pipInstall(['numpy', 'pandas>=2', 'matplotlib'])
    .runCommands('apt-get install -y git')
    .env({ MPLBACKEND: 'Agg' })
    .workdir('/home/daytona');
  console.log(image.dockerfile);
  // endregion
}

function app(): void {
  // region: app
  const image = Image.fromDockerfile(dockerfile).env({ NODE_ENV: 'production' });
  for (const { archivePath } of image.contextList) {
    console.log('copies', archivePath);
  }
  // endregion
}

async function snapshot(daytona: Daytona): Promise<void> {
  // region: snapshot
  // The local engine's own system. Elsewhere: an image of a registry, or an Image.
  const params = { name: 'base-typescript', image: 'default', resources: { cpu: 1, memory: 1, disk: 4 } };
  const made = await daytona.snapshot.create(params, { onLogs: console.log });
  console.log(made.name, made.state);

  await using sandbox = await daytona.create({ snapshot: made.name });
  console.log((await sandbox.process.executeCommand('echo made from it')).result);

  await daytona.snapshot.delete(made);
  // endregion
}

await using daytona = new Daytona();
console.log('--- science');
science();
console.log('--- app');
app();
console.log('--- snapshot');
await snapshot(daytona);
