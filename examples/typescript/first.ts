/**
 * The first program: a sandbox, a command, its output.
 *
 * DAYTONA_API_URL=local npx tsx first.ts
 */

// region: first
import { Daytona } from '@daytonaio/sdk';

await using daytona = new Daytona();
await using sandbox = await daytona.create();
console.log((await sandbox.process.executeCommand('echo hello')).result);
// endregion
