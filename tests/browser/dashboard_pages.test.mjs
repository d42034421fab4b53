// The dashboard's other pages, each as a person uses it, and with a checker of accessibility in light and dark.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { Daytona } from '../../node/dist/index.mjs';
import { start } from './browser.mjs';
import { isAccessible, logIn, visit } from './dashboard.mjs';

const { browser } = await start();
const daytona = new Daytona();
after(() => daytona[Symbol.asyncDispose]());
const unique = `dashboard-${Date.now()}`;

for (const colorScheme of ['light', 'dark']) {
  test(`every page is accessible and shows something (${colorScheme})`, async () => {
    const { context, page, failures } = await logIn(browser, { colorScheme });
    const names = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();
    assert.equal(names.length, 9);
    for (const name of names) {
      await visit(page, name);
      await page.waitForLoadState('networkidle');
      await isAccessible(page);
    }
    await visit(page, 'Sandboxes');
    mkdirSync('../../target/browser', { recursive: true });
    const picture = await page.screenshot({ path: `../../target/browser/dashboard-${colorScheme}.png` });
    assert.ok(picture.length > 10_000, `${picture.length} bytes: an empty page`);
    assert.deepEqual(failures, []);
    await context.close();
  });
}

test('the keyboard alone is enough', async () => {
  const { context, page } = await logIn(browser);
  await page.keyboard.press('Tab');
  const seen = new Set();
  for (let step = 0; step < 15; step += 1) {
    seen.add(await page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.tagName));
    await page.keyboard.press('Tab');
  }
  assert.ok(seen.has('Create sandbox'), [...seen].join(', '));
  await page.getByRole('button', { name: 'Create sandbox' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await context.close();
});

test('volumes are created and deleted', async () => {
  const { context, page, failures } = await logIn(browser);
  await visit(page, 'Volumes');
  await page.getByLabel('Name of the new volume').fill(unique);
  await page.getByRole('button', { name: 'Create volume' }).click();
  await page.getByRole('rowheader', { name: unique }).waitFor();
  // It is told by an event when it is ready.
  await page.getByRole('row', { name: unique }).getByText('ready', { exact: true }).waitFor();
  assert.equal((await daytona.volume.get(unique)).name, unique);
  await page.getByRole('button', { name: `Delete ${unique}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: unique }).waitFor({ state: 'detached' });
  assert.deepEqual(failures, []);
  await context.close();
});

test('snapshots are built, with their logs', async () => {
  const { context, page, failures } = await logIn(browser);
  await visit(page, 'Snapshots');
  await page.getByRole('button', { name: 'Create snapshot' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(unique);
  await dialog.getByLabel('Made from').selectOption('A Dockerfile');
  await isAccessible(page);
  await dialog.getByRole('textbox', { name: 'Dockerfile' }).fill('FROM default\nRUN echo "built <b>here</b>"\n');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('log').getByText('built <b>here</b>').waitFor();
  await page.getByRole('row', { name: unique }).getByText('active', { exact: true }).waitFor();
  await page.getByRole('button', { name: `Delete ${unique}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: unique }).waitFor({ state: 'detached' });
  // The log is asked for before the build has begun.
  const unexpected = failures.filter((text) => !text.includes('404'));
  assert.deepEqual(unexpected, []);
  await context.close();
});

test('a key is shown once and opens what it permits', async () => {
  const { context, page, failures } = await logIn(browser);
  await visit(page, 'API keys');
  await page.getByRole('button', { name: 'Create key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(unique);
  await dialog.getByLabel('read:volumes').check();
  await isAccessible(page);
  await dialog.getByRole('button', { name: 'Create' }).click();
  const value = await page.getByRole('dialog', { name: unique }).getByLabel('Key').inputValue();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row', { name: unique }).getByText('read:volumes').waitFor();
  assert.equal((await page.content()).includes(value), false);

  const own = new Daytona({ apiKey: value, apiUrl: new URL('/api', page.url()).href });
  await own.volume.list();
  await assert.rejects(own.create());
  await own[Symbol.asyncDispose]();
  await page.getByRole('button', { name: `Delete ${unique}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: unique }).waitFor({ state: 'detached' });

  // What has been done is in the audit log.
  await visit(page, 'Audit log');
  await page.getByLabel('Id of the target').fill(unique);
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByText('2 entries').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  assert.equal((await download).suggestedFilename(), 'audit.ndjson');
  assert.deepEqual(failures, []);
  await context.close();
});

test('webhooks are made, tried and deleted', async () => {
  // Deliveries to this machine are refused unless the engine is told otherwise: the log says so.
  const receiver = createServer((_, answer) => answer.end()).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  after(() => receiver.close());
  const url = `http://127.0.0.1:${receiver.address().port}/${unique}`;
  const { context, page, failures } = await logIn(browser);
  await visit(page, 'Webhooks');
  await page.getByRole('button', { name: 'Create endpoint' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Address').fill(url);
  await dialog.getByLabel('volume.created').check();
  await isAccessible(page);
  await dialog.getByRole('button', { name: 'Create' }).click();
  assert.match(await page.getByRole('dialog', { name: 'secret' }).getByLabel('Secret').inputValue(), /^whsec_/);
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: `Send a test to ${url}` }).click();
  await page.getByRole('table', { name: 'Deliveries' }).getByRole('row').filter({ hasText: url }).first().waitFor();
  await page.getByRole('button', { name: `Delete ${url}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: url }).waitFor({ state: 'detached' });
  assert.deepEqual(failures, []);
  await context.close();
});
