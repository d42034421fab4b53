// The page of a recording: whatever a sandbox printed is text on it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Engine } from '../../node/dist/testing.mjs';
import { start } from './browser.mjs';
import { isAccessible } from './dashboard.mjs';

/** What a hostile sandbox would like to be part of the page. */
const HOSTILE = '</script><script>document.title=1</script><img src=x onerror=alert(1)>';

const { browser } = await start();

test('a life is recorded and shown without a server', async () => {
  const engine = await Engine.start();
  after(() => engine.close());
  await engine.startRecording();
  const daytona = engine.client();
  const sandbox = await daytona.create();
  await sandbox.process.executeCommand(`printf %s '${HOSTILE}' | tee note`);
  const terminal = await sandbox.process.createPty({ id: 'one', onData: () => {} });
  await terminal.sendInput(`PS1=; printf '\\033[31m%s\\033[0m\\n' '${HOSTILE}'; exit 3\n`);
  assert.equal((await terminal.wait()).exitCode, 3);
  await engine.faults.add({ answer: { status: 403, body: '{}' } }, { path: '/process/execute' });
  await assert.rejects(sandbox.process.executeCommand('true'));
  await sandbox.delete();
  daytona.close();
  const recording = await engine.stopRecording();
  const kinds = new Set(
    recording
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line).kind),
  );
  for (const kind of ['request', 'message', 'event', 'file', 'fault']) {
    assert.ok(kinds.has(kind), `${kind} is missing: ${[...kinds]}`);
  }

  const directory = mkdtempSync(join(tmpdir(), 'recording-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'page.html');
  writeFileSync(file, await engine.recordingPage(recording));
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const failures = [];
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(pathToFileURL(file).href);
  assert.equal(await page.title(), 'Recording');
  await page.getByText('[exit code 0]').first().waitFor();
  assert.ok((await page.getByLabel('Output').first().innerText()).includes(HOSTILE));
  const shown = (await page.getByLabel('pty one, shown').allInnerTexts()).join('\n');
  assert.ok(shown.split(/[\r\n]+/).includes(HOSTILE), shown);
  assert.ok((await page.getByLabel('pty one, typed').first().innerText()).endsWith('exit 3⏎'));
  await page.getByText('pty one, shown: closed with').waitFor();
  assert.equal(await page.locator('img').count(), 0);
  await page.getByText(/\/note, \d+ bytes/).waitFor();
  await page.getByLabel('Requests').uncheck();
  await page.getByText('[exit code 0]').first().waitFor({ state: 'hidden' });
  await isAccessible(page);
  assert.deepEqual(failures, []);
  await context.close();
});
