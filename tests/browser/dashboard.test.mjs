// The dashboard as a person uses it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Daytona } from '../../node/dist/index.mjs';
import { start } from './browser.mjs';
import { address, isAccessible, key, logIn } from './dashboard.mjs';

/** What a hostile sandbox would like to be part of the page. */
const HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>';

const { browser, sandbox } = await start();
const daytona = new Daytona();
after(() => daytona[Symbol.asyncDispose]());

const row = (page, name) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

test('a wrong key opens nothing, and no key gets into an address, a cookie or a store', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const addresses = [];
  context.on('request', (request) => addresses.push(request.url()));
  await page.goto(address);
  await page.getByLabel('Key').fill('dtn_wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'does not know this key' }).waitFor();
  await isAccessible(page);
  await page.getByLabel('Key').fill(key);
  await page.keyboard.press('Enter');
  await row(page, sandbox.name).waitFor();
  assert.equal(
    addresses.some((address) => address.includes(key)),
    false,
  );
  assert.deepEqual(await context.cookies(), []);
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
  await page.reload();
  await page.getByLabel('Key').waitFor();
  await context.close();
});

test('the page is nobody else’s to frame, and runs its own scripts only', async () => {
  const answer = await fetch(address);
  const policy = answer.headers.get('content-security-policy');
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"]) {
    assert.ok(policy.includes(rule), policy);
  }
  assert.equal(policy.includes('unsafe'), false);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
});

test('sandboxes are created, searched, stopped, started and deleted, live', async () => {
  const { context, page, failures } = await logIn(browser);
  await page.getByRole('button', { name: 'Create sandbox' }).click();
  await isAccessible(page);
  const name = `made-${Date.now()}`;
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Labels').fill('made=by hand');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
  const made = await daytona.get(name);
  assert.deepEqual(made.labels.made, 'by hand');

  await page.getByRole('link', { name: 'Sandboxes', exact: true }).click();
  await page.getByRole('searchbox').fill('made=by hand');
  await row(page, name).getByText('started', { exact: true }).waitFor();
  await row(page, sandbox.name).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: `Stop ${name}` }).click();
  await page.getByRole('button', { name: `Start ${name}` }).click();
  await row(page, name).getByText('started', { exact: true }).waitFor();
  // Another client does something.
  await made.refreshData();
  await made.stop();
  await row(page, name).getByText('stopped', { exact: true }).waitFor();
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await row(page, name).waitFor({ state: 'detached' });
  await assert.rejects(daytona.get(name));
  await isAccessible(page);
  assert.deepEqual(failures, []);
  await context.close();
});

test('what a sandbox is called never becomes part of the page', async () => {
  const { context, page, failures } = await logIn(browser);
  await sandbox.setLabels({ hostile: HOSTILE });
  await page.reload();
  await page.getByLabel('Key').fill(key);
  await page.keyboard.press('Enter');
  await row(page, sandbox.name).getByText(HOSTILE).waitFor();
  assert.equal(await page.locator('img, #page script').count(), 0);
  assert.deepEqual(failures, []);
  await context.close();
});
