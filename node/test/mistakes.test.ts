// Mistakes people make, and what they are told: tests/mistakes has the list.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as sdk from '@daytonaio/sdk';
import { sandboxForFile } from './support.js';

interface Mistake {
  id: string;
  what: string;
  kind: string;
  says: string[];
  saysNot?: string[];
  except?: Record<string, string>;
}

const root = join(__dirname, '../..');
const list: { mistakes: Mistake[]; never: string[] } = JSON.parse(
  readFileSync(`${root}/tests/mistakes/mistakes.json`, 'utf8'),
);
const texts: Record<string, string> = {};
const name = `mistake-${process.pid}`;
// biome-ignore lint/suspicious/noExplicitAny: most mistakes are what the compiler would refuse
type Anything = any;

let sandbox: sdk.Sandbox;
const daytona = new sdk.Daytona();
sandboxForFile((made) => {
  sandbox = made;
});
after(() => {
  daytona.close();
  mkdirSync(`${root}/target/mistakes`, { recursive: true });
  writeFileSync(`${root}/target/mistakes/typescript.json`, JSON.stringify(texts, undefined, 1));
});

/** A client of another server, or with another key. */
async function withClient(config: sdk.DaytonaConfig, use: (daytona: sdk.Daytona) => Promise<unknown>): Promise<void> {
  const client = new sdk.Daytona(config);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

/** Runs without the variables that say where Daytona is. */
async function withoutEnvironment(use: () => Promise<unknown>): Promise<void> {
  const taken = Object.entries(process.env).filter(([name]) => name.startsWith('DAYTONA_'));
  for (const [name] of taken) {
    delete process.env[name];
  }
  try {
    await use();
  } finally {
    Object.assign(process.env, Object.fromEntries(taken));
  }
}

async function throwAway(use: (sandbox: sdk.Sandbox) => Promise<unknown>, params = {}): Promise<void> {
  const made = await daytona.create(params);
  try {
    await use(made);
  } finally {
    await made.delete().catch(() => {});
  }
}

async function withCommand(use: (session: string, command: string) => Promise<unknown>): Promise<void> {
  const session = `${name}-${Math.random()}`;
  await sandbox.process.createSession(session);
  const { cmdId } = await sandbox.process.executeSessionCommand(session, { command: 'echo line' });
  await use(session, cmdId);
}

async function withSpawned(use: (process: sdk.SpawnedProcess) => Promise<unknown>): Promise<void> {
  await using spawned = await sandbox.process.spawn('sleep 60');
  await use(spawned);
}

const mistakes: Record<string, (says: (id: string) => void) => Promise<unknown>> = {
  'no-credentials': () => withoutEnvironment(() => withClient({}, async () => {})),
  'url-without-scheme': () => withClient({ apiUrl: 'localhost:3000', apiKey: 'k' }, async () => {}),
  'nobody-listens': () => withClient({ apiUrl: 'http://127.0.0.1:9', apiKey: 'k' }, (d) => d.get('x')),
  'wrong-key': async () => {
    const apiUrl = new URL('/api', sandbox.toolboxProxyUrl).href;
    await withClient({ apiUrl, apiKey: 'wrong-key' }, (d) => d.get('x'));
  },
  'unknown-sandbox': () => daytona.get('no-such-sandbox'),
  'empty-id': () => daytona.get(''),
  'name-taken': () => throwAway((made) => daytona.create({ name: made.name }), { name }),
  'deleted-sandbox': (says) =>
    throwAway(async (made) => {
      says(made.id);
      const other = await daytona.get(made.id);
      await other.delete();
      await other.waitUntilStopped();
      await made.process.executeCommand('true');
    }),
  'stopped-sandbox': (says) =>
    throwAway(async (made) => {
      says(made.id);
      await made.stop();
      await made.process.executeCommand('true');
    }),
  'command-is-a-number': () => sandbox.process.executeCommand(5 as Anything),
  'empty-command': () => sandbox.process.executeCommand(''),
  'negative-timeout': () => sandbox.process.executeCommand('true', { timeout: -1 }),
  'command-too-long': () => sandbox.process.executeCommand('sleep 60', { timeout: 1 }),
  'unknown-option': () => daytona.create({ nmae: 'x' } as Anything),
  'params-as-text': () => daytona.create('python' as Anything),
  'missing-remote-file': () => sandbox.fs.downloadFile('/nowhere/file.txt'),
  'missing-local-file': () => sandbox.fs.uploadFile('/nowhere/local.txt', 'x'),
  'unknown-session': () => sandbox.process.executeSessionCommand('no-such-session', { command: 'true' }),
  'session-taken': async () => {
    await sandbox.process.createSession(name);
    await sandbox.process.createSession(name);
  },
  'unknown-command': () => withCommand((session) => sandbox.process.getSessionCommandLogs(session, 'no-such-command')),
  'bad-regular-expression': () =>
    withCommand((session, command) =>
      // JavaScript refuses it by itself; `regex` takes the text as an expression.
      sandbox.process.waitForLog(session, command, '(', { regex: true }),
    ),
  'unknown-signal': () => withSpawned((spawned) => spawned.sendSignal('SIGNOPE')),
  'bad-variable': () => sandbox.process.spawn('true', { env: { 'A=B': 'x' } }),
  'no-repository': async () => {
    await sandbox.fs.createFolder(`/tmp/${name}`);
    await sandbox.git.status(`/tmp/${name}`);
  },
  'no-terminal-size': () => sandbox.process.createPty({ rows: 0, cols: 80 }),
  'closed-client': () =>
    withClient({}, async (client) => {
      client.close();
      await client.get('x');
    }),
};

for (const { id, what, kind, says, saysNot = [], except = {} } of list.mistakes) {
  if ('typescript' in except) {
    continue;
  }
  test(`somebody ${what}`, async () => {
    let sandboxId = '';
    const mistake = mistakes[id];
    assert.ok(mistake, `no test for ${id}`);
    const outcome = await mistake((given) => {
      sandboxId = given;
    }).then(
      () => 'no error',
      (error: Error) => error,
    );
    texts[id] = outcome instanceof Error ? `${outcome.name}: ${outcome.message}` : outcome;
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: the list names the class
    const errorClass = sdk[`Daytona${kind}Error` as keyof typeof sdk] as unknown as typeof sdk.DaytonaError;
    assert.ok(outcome instanceof errorClass, texts[id]);
    for (const piece of says) {
      const expected = piece.replace('{name}', name).replace('{id}', sandboxId);
      assert.ok(outcome.message.includes(expected), `${expected} in ${outcome.message}`);
    }
    for (const piece of [...saysNot, ...list.never]) {
      assert.ok(!outcome.message.includes(piece), `${piece} in ${outcome.message}`);
    }
  });
}
