// The dashboard in a browser, with its key, and what a checker of accessibility says of it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const run = (...more) =>
  execFileSync(process.env.DAYTONA_LOCAL_BINARY, ['local', 'dashboard', ...more], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();

export const address = run();
export const key = run('--key');

/** A context and a page that is logged in. Whatever the console tells as an error fails the test with `failures`. */
export async function logIn(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const failures = [];
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
  page.on('pageerror', (error) => failures.push(String(error)));
  await page.goto(address);
  await page.getByLabel('Key').fill(key);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Sandboxes', level: 1 }).waitFor();
  return { context, page, failures };
}

/** Fails where people with a screen reader, a keyboard or weak eyes would be lost. */
export async function isAccessible(page) {
  // The policy of the page lets in no scripts; the checker is not part of it.
  const session = await page.context().newCDPSession(page);
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `(() => { ${AXE}; return axe.run(document, { resultTypes: ['violations'] }); })().then(({ violations }) =>
      JSON.stringify(violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) }))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  assert.deepEqual(JSON.parse(result.value), [], page.url());
}

/** Goes to a page of the dashboard. */
export async function visit(page, name) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
}
