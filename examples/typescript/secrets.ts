// Secrets: values that programs in a sandbox use without having them.
//
//   DAYTONA_API_URL=local npx tsx secrets.ts

import { randomUUID } from 'node:crypto';
import { Daytona } from '@daytonaio/sdk';

async function use(daytona: Daytona, name: string): Promise<void> {
  // region: use
  await daytona.secret.create({ name, value: 'sk-...', hosts: ['api.example.com'] });

  const sandbox = await daytona.create({ secrets: { API_KEY: name } });
  console.log((await sandbox.process.executeCommand('echo $API_KEY')).result); // dtn_secret_...
  // The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
  // endregion
  await sandbox.delete();
}

async function manage(daytona: Daytona, name: string): Promise<void> {
  const sandbox = await daytona.create({ secrets: { API_KEY: name } });
  // region: manage
  for (const secret of (await daytona.secret.list({ name })).items) {
    console.log(secret.name, secret.hosts, secret.placeholder);
    await daytona.secret.update(secret.id, { value: 'sk-new', hosts: ['*.example.com'] });
  }

  await sandbox.updateSecrets({ OTHER_KEY: name });
  await sandbox.updateSecrets({});

  for (const { id } of (await daytona.secret.list({ name })).items) {
    await daytona.secret.delete(id);
  }
  // endregion
  await sandbox.delete();
}

await using daytona = new Daytona();
const name = `example-${randomUUID()}`;
for (const part of [use, manage]) {
  console.log(`--- ${part.name}`);
  await part(daytona, name);
}
