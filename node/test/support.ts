// What the tests share: the real engine, and a server that answers as a test wants.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before } from 'node:test';
import { Daytona, type Sandbox } from '@daytonaio/sdk';

/**
 * Makes a sandbox of the engine the environment selects (DAYTONA_API_URL=local) for the tests of a file.
 *
 * @param use - Takes it, and prepares it before the first test.
 */
export function sandboxForFile(use: (sandbox: Sandbox) => unknown): void {
  const daytona = new Daytona();
  let sandbox: Sandbox | undefined;
  before(async () => {
    sandbox = await daytona.create();
    await use(sandbox);
  });
  after(async () => {
    await sandbox?.delete();
    daytona.close();
  });
}

/** A server for faults the engine does not have. Returns its URL; it is closed after the test. */
export async function server(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const listening = createServer(handle);
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done));
  after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

/** Answers JSON. */
export function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A client of such a server. */
export function clientOf(url: string, apiKey = 'a-key'): Daytona {
  return new Daytona({ apiUrl: url, apiKey, useDeprecatedPolling: true });
}

/** Waits until the command that wrote its process id into a file of the sandbox has ended. */
export async function untilEnded(sandbox: Sandbox, pidFile: string): Promise<void> {
  await until(async () => (await sandbox.process.executeCommand(`kill -0 $(cat ${pidFile})`)).exitCode !== 0);
}

/** Waits until a condition holds; the test's own limit ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((done) => setTimeout(done, 20));
  }
}
