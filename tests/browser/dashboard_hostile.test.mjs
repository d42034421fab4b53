// What a sandbox answers cannot end the dashboard, fill the browser's memory, or run where the dashboard is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './browser.mjs';
import { address, isAccessible, key, logIn } from './dashboard.mjs';

/** Turns what follows it around. */
const OVERRIDE = '\u202e';

const { browser, sandbox } = await start();
const place = new URL(`#/sandboxes/${sandbox.id}/`, address).href;

test('an answer that makes no sense spoils its part of the page only', async () => {
  const { context, page, failures } = await logIn(browser);
  await page.route('**/toolbox/*/files?*', (route) => route.fulfill({ json: { not: 'a list' } }));
  await page.goto(`${place}files`);
  await page.getByRole('alert').getByText('This could not be shown').waitFor();
  // Around it is what was there.
  await page.getByRole('heading', { name: sandbox.name, level: 1 }).waitFor();
  await isAccessible(page);
  await page.unroute('**/toolbox/*/files?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('button', { name: 'Upload' }).waitFor();
  await page.getByRole('link', { name: 'Sandboxes', exact: true }).click();
  await page.getByRole('searchbox').waitFor();
  assert.deepEqual(failures, []);
  await context.close();
});

test('of a file and an output no more is shown than a page can hold', async () => {
  const { context, page } = await logIn(browser);
  const file = { name: `${OVERRIDE}txt.exe`, size: 1, isDir: false, mode: '-rw-r--r--' };
  await page.route('**/toolbox/*/files?*', (route) => route.fulfill({ json: [file] }));
  await page.route('**/toolbox/*/files/download?*', (route) => route.fulfill({ body: 'x'.repeat(3 << 20) }));
  await page.goto(`${place}files`);
  await page.getByRole('button', { name: 'View' }).click();
  const content = page.getByLabel('Content of');
  await content.waitFor();
  assert.equal((await content.textContent()).length, 500_000);
  await page.getByRole('button', { name: 'Delete', exact: false }).last().click();
  // What follows the name in the sentence is read as it is.
  assert.equal(await page.getByRole('dialog').locator('bdi').textContent(), `/home/daytona/${file.name}`);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  const body = { exitCode: 0, result: 'y'.repeat(3 << 20) };
  await page.route('**/toolbox/*/process/execute', (route) => route.fulfill({ json: body }));
  await page.goto(`${place}commands`);
  await page.getByLabel('Command', { exact: true }).fill('yes');
  await page.keyboard.press('Enter');
  const output = page.getByLabel('Output', { exact: true });
  await output.filter({ hasText: 'yyy' }).waitFor();
  assert.equal((await output.textContent()).length, 500_000);
  await context.close();
});

test('answers of toolboxes are never pages with the rights of the dashboard', async () => {
  const path = new URL(`/toolbox/${sandbox.id}/work-dir`, address);
  const answer = await fetch(path, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-security-policy'), 'sandbox');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
});
