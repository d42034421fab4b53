// One sandbox in the dashboard: its files, commands, terminal and ports, none of which may become part of the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { start } from './browser.mjs';
import { isAccessible, logIn } from './dashboard.mjs';

/** What a hostile sandbox would like to be part of the page. */
const HOSTILE = '<img src=x onerror=alert(1)>';

const { browser, sandbox } = await start();

async function open(part) {
  const logged = await logIn(browser, { acceptDownloads: true });
  await logged.page.getByRole('link', { name: sandbox.name, exact: true }).click();
  await logged.page.getByRole('heading', { name: sandbox.name, level: 1 }).waitFor();
  await logged.page.getByRole('link', { name: part, exact: true }).click();
  return logged;
}

test('the overview tells what is known', async () => {
  const { context, page, failures } = await open('Overview');
  await page.getByRole('region', { name: 'Overview' }).getByText(sandbox.id).waitFor();
  await isAccessible(page);
  assert.deepEqual(failures, []);
  await context.close();
});

test('the parts are one page, and a log that will never be there is not looked for', async () => {
  const { context, page, failures } = await logIn(browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const times = (path) => asked.filter((each) => each === path).length;
  await page.getByRole('link', { name: sandbox.name, exact: true }).click();
  await page.getByRole('region', { name: 'Overview' }).getByText(sandbox.id).waitFor();
  await page.clock.install();
  for (const part of ['Commands', 'Terminal and ports', 'Build log']) {
    const link = page.getByRole('link', { name: part, exact: true });
    await link.click();
    await page.getByRole('region', { name: part }).waitFor();
    // Who goes through them with the keyboard goes on from here.
    assert.ok(await link.evaluate((element) => element === document.activeElement), part);
  }
  await page.getByText('nothing was built').waitFor();
  await page.clock.runFor(60_000);
  assert.equal(times(`/api/sandbox/${sandbox.id}/build-logs`), 1);
  assert.equal(times(`/api/sandbox/${sandbox.id}`), 1, 'it is asked for once');
  assert.deepEqual(
    failures.filter((text) => !text.includes('404')),
    [],
  );
  await context.close();
});

test('files are browsed, uploaded, looked into, downloaded and deleted', async () => {
  await sandbox.fs.createFolder('dashboard', '755');
  await sandbox.fs.uploadFile(Buffer.from(HOSTILE), `dashboard/${HOSTILE.replaceAll('/', '')}`);
  const { context, page, failures } = await open('Files');
  await page.getByRole('button', { name: 'dashboard/' }).click();
  await page.getByRole('rowheader', { name: HOSTILE }).waitFor();
  const content = Buffer.from('first line\nsecond line\n');
  const chosen = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Upload' }).click();
  await (await chosen).setFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: content });
  await page.getByRole('rowheader', { name: 'notes.txt' }).waitFor();
  assert.deepEqual(await sandbox.fs.downloadFile('dashboard/notes.txt'), content);
  await isAccessible(page);

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download notes.txt' }).click();
  assert.deepEqual(await readFile(await (await download).path()), content);
  await page.getByRole('button', { name: `View ${HOSTILE}` }).click();
  await page.getByRole('log').getByText(HOSTILE).waitFor();
  assert.equal(await page.locator('#page img').count(), 0);

  await page.getByRole('button', { name: 'Delete notes.txt' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: 'notes.txt' }).waitFor({ state: 'detached' });
  await assert.rejects(sandbox.fs.getFileDetails('dashboard/notes.txt'));
  await page.getByRole('button', { name: 'Up', exact: true }).click();
  await page.getByRole('button', { name: 'dashboard/' }).waitFor();
  assert.deepEqual(failures, []);
  await context.close();
});

test('commands run, and what they print is text', async () => {
  const { context, page, failures } = await open('Commands');
  await page.getByRole('textbox', { name: 'Command' }).fill(`printf '%s\\n' '${HOSTILE}'; exit 3`);
  await page.keyboard.press('Enter');
  await page.getByRole('log').getByText('[exit code 3]').waitFor();
  assert.ok((await page.getByRole('log').innerText()).includes(`\n${HOSTILE}\n`));
  assert.equal(await page.locator('#page img').count(), 0);
  await isAccessible(page);
  assert.deepEqual(failures, []);
  await context.close();
});

test('the terminal and ports open in tabs of their own', async () => {
  await sandbox.process.spawn('exec python3 -um http.server --bind 127.0.0.1 8000');
  await sandbox.process.waitForPort(8000, 120);
  const { context, page, failures } = await open('Terminal and ports');
  const tab = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open a terminal' }).click();
  const terminal = await tab;
  await terminal.waitForFunction(() => document.querySelector('.xterm-rows')?.innerText.includes('$'));
  assert.equal(new URL(terminal.url()).search, '');
  await terminal.close();

  await page.getByRole('button', { name: 'Link to port 8000' }).click();
  const other = context.waitForEvent('page');
  await isAccessible(page);
  await page.getByRole('link', { name: 'Open port 8000' }).click();
  const preview = await other;
  await preview.getByRole('heading', { name: 'Directory listing' }).waitFor();
  assert.equal(await preview.evaluate(() => window.opener), null);
  assert.deepEqual(failures, []);
  await context.close();
});
