// The choice of an organization, and how much of its quotas is used.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { start } from './browser.mjs';
import { address, isAccessible, key, logIn, visit } from './dashboard.mjs';

const { browser, sandbox } = await start();
const NAME = `Team ${Date.now()} <b>&</b>`.replaceAll(/[<>/]/g, '');
const api = new URL('/api', address).href;

/** A request with the engine's key, as a person makes it: about an organization. */
async function ask(method, path, organization, body) {
  const answer = await fetch(`${api}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'x-daytona-organization-id': organization,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const { organizationId: own } = await ask('GET', '/api-keys/current', '');
const { id: other } = await ask('POST', '/organizations', own, { name: NAME });
after(() => ask('DELETE', `/organizations/${other}`, other));
await ask('PATCH', `/organizations/${other}/quota/us`, other, { totalCpuQuota: 4, totalMemoryQuota: 8 });

const heading = (page, name) => page.getByRole('rowheader', { name, exact: true });

test('each organization has its own sandboxes, live', async () => {
  const { context, page, failures } = await logIn(browser);
  await heading(page, sandbox.name).waitFor();
  const choice = page.getByRole('combobox', { name: 'Organization' });
  assert.equal(await choice.inputValue(), own);
  await isAccessible(page);

  await choice.selectOption({ label: NAME });
  await page.getByRole('heading', { name: 'Sandboxes', level: 1 }).waitFor();
  await heading(page, sandbox.name).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Create sandbox' }).click();
  const name = `of-team-${Date.now()}`;
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
  const made = await ask('GET', `/sandbox/${name}`, other);
  assert.equal(made.organizationId, other);

  // Another client changes it: the page is told, so it listens to this organization.
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Sandboxes' }).click();
  const row = page.getByRole('row').filter({ has: heading(page, name) });
  await row.getByText('started', { exact: true }).waitFor();
  await ask('POST', `/sandbox/${name}/stop`, other);
  await row.getByText('stopped', { exact: true }).waitFor();
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await row.waitFor({ state: 'detached' });

  await choice.selectOption(own);
  await heading(page, sandbox.name).waitFor();
  assert.deepEqual(failures, []);
  await context.close();
});

test('the usage of quotas is that of the chosen organization', async () => {
  const { context, page, failures } = await logIn(browser);
  await visit(page, 'Limits');
  const usage = page.getByRole('table', { name: 'Usage of quotas' });
  const row = (name) => usage.getByRole('row').filter({ has: heading(page, name) });
  await row('Processors of running sandboxes').waitFor();
  await page.getByRole('combobox', { name: 'Organization' }).selectOption({ label: NAME });
  await visit(page, 'Limits');
  await row('Processors of running sandboxes').getByRole('cell', { name: '4', exact: true }).waitFor();
  await row('Memory of running sandboxes in GiB').getByRole('cell', { name: '8', exact: true }).waitFor();
  await isAccessible(page);
  assert.deepEqual(failures, []);
  await context.close();
});

test('a key that was made for others belongs to one organization', async () => {
  const { value } = await ask('POST', '/api-keys', own, { name: NAME, permissions: ['read:volumes'] });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);
  await page.getByLabel('Key').fill(value);
  await page.keyboard.press('Enter');
  await heading(page, sandbox.name).waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Organization' }).count(), 0);
  await visit(page, 'Limits');
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  assert.equal(await page.getByRole('table', { name: 'Usage of quotas' }).count(), 0);
  await context.close();
  await ask('DELETE', `/api-keys/${encodeURIComponent(NAME)}`, own);
});
