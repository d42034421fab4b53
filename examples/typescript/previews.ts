// Previews: a server in the sandbox, reached from outside.
//
//   DAYTONA_API_URL=local npx tsx previews.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

async function serve(sandbox: Sandbox): Promise<void> {
  await sandbox.process.executeCommand("echo '<h1>Hello</h1>' > index.html");
  await sandbox.process.spawn('python3 -um http.server --bind 127.0.0.1 8000');
  await sandbox.process.waitForPort(8000, 10);
}

async function link(sandbox: Sandbox): Promise<void> {
  // region: link
  const preview = await sandbox.getPreviewLink(8000);
  const answer = await fetch(preview.url, { headers: { 'X-Daytona-Preview-Token': preview.token } });
  console.log(await answer.text());
  // endregion
}

async function signed(sandbox: Sandbox): Promise<void> {
  // region: signed
  const signed = await sandbox.getSignedPreviewUrl(8000, 600);
  const answer = await fetch(signed.url); // In a browser as well.
  console.log(await answer.text(), 'until', signed.expiresAt);

  await sandbox.expireSignedPreviewUrl(8000, signed.token);
  // endregion
  await fetch(signed.url).then(
    ({ ok }) => console.log(ok ? 'still there' : 'expired'),
    () => console.log('expired'),
  );
}

async function forward(sandbox: Sandbox): Promise<void> {
  // region: forward
  await using forwarded = await sandbox.forwardPort(8000);
  const answer = await fetch(`http://127.0.0.1:${forwarded.localPort}/`);
  console.log(await answer.text());
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
await serve(sandbox);
for (const part of [link, signed, forward]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
