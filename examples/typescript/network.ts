// The network: what a sandbox may reach, what it tried, and the lists a program needs.
//
//   DAYTONA_API_URL=local npx tsx network.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

async function learn(sandbox: Sandbox): Promise<void> {
  // region: learn
  await sandbox.process.executeCommand('curl --silent --max-time 10 --output page https://example.com/');

  const log = await sandbox.network.log();
  for (const { protocol, name, address, allowed, rule } of log.entries) {
    console.log(protocol, name ?? address, allowed ? 'allowed' : 'refused', rule);
  }

  const { domainAllowList, networkAllowList } = log;
  await sandbox.updateNetworkSettings({ domainAllowList, networkAllowList });
  // endregion
}

async function limits(sandbox: Sandbox): Promise<void> {
  // region: limits
  await sandbox.updateNetworkSettings({ domainAllowList: 'pypi.org,*.pythonhosted.org' });
  console.log('reaches only', sandbox.domainAllowList);

  await sandbox.updateNetworkSettings({ networkBlockAll: true });
  // endregion
  console.log((await sandbox.process.executeCommand('getent hosts pypi.org || echo unresolved')).result);
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [learn, limits]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
