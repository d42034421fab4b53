// Telemetry: a span and a duration for every operation, sent to a collector.
//
//   DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx tsx telemetry.ts

import { Daytona } from '@daytonaio/sdk';

// region: enable
async function hello(): Promise<string> {
  // What waits is sent when the client is disposed of.
  await using daytona = new Daytona({ otelEnabled: true });
  await using sandbox = await daytona.create();
  return (await sandbox.process.executeCommand('echo hello')).result;
}
// endregion

console.log('--- enable');
console.log(await hello());
