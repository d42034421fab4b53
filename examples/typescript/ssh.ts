// Access to a sandbox by SSH.
//
//   DAYTONA_API_URL=local npx tsx ssh.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

async function access(sandbox: Sandbox): Promise<void> {
  // region: access
  const access = await sandbox.createSshAccess(30);
  console.log(access.sshCommand); // ssh -p 34571 f38kj4…@127.0.0.1
  // endregion
}

async function revoke(sandbox: Sandbox): Promise<void> {
  const access = await sandbox.createSshAccess();
  // region: revoke
  console.log((await sandbox.validateSshAccess(access.token)).valid);
  await sandbox.revokeSshAccess(access.token); // Without the token: whatever access there is.
  // endregion
  console.log((await sandbox.validateSshAccess(access.token)).valid);
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [access, revoke]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
