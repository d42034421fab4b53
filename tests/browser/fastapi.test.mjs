// A FastAPI application behind previews, with a page that posts, streams and talks to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './browser.mjs';

const DIRECTORY = import.meta.dirname;

const { browser, sandbox } = await start();
// What `scripts/setup` has fetched: sandboxes need no network for it.
await sandbox.fs.uploadDir(`${DIRECTORY}/../../target/tools/fastapi`, 'packages', { exclude: ['__pycache__', 'bin'] });
await sandbox.fs.uploadFile(`${DIRECTORY}/app.py`, 'site/app.py');
await sandbox.process.spawn('cd site && exec env PYTHONPATH=../packages python3 -m uvicorn app:app --port 8000');
await sandbox.process.waitForPort(8000, 120);

for (const form of ['byAddress', 'byHost']) {
  test(`an application runs behind a signed link ${form}`, async () => {
    const { token, url } = await sandbox.getSignedPreviewUrl(8000, 600);
    const link = form === 'byAddress' ? url : `http://8000-${token}.localhost:${new URL(url).port}/`;
    const context = await browser.newContext();
    const page = await context.newPage();
    const failures = [];
    page.on('requestfailed', (request) => failures.push(`${request.url()} ${request.failure()?.errorText}`));
    await page.goto(link);
    const shows = (id, text) =>
      page.waitForFunction(([id, text]) => document.getElementById(id).textContent === text, [id, text]);
    await shows('posted', JSON.stringify({ number: 7, q: 'a b', name: 'Grüße' }));
    await shows('streamed', 'first');
    await shows('talked', 'you said hello');
    // Its generated documentation describes the same application.
    const described = await page.evaluate(() => fetch('/openapi.json').then((answer) => answer.json()));
    assert.ok('/items/{number}' in described.paths);
    const seen = await page.evaluate(() => fetch('/seen').then((answer) => answer.text()));
    assert.equal(seen.includes(token), false, seen);
    assert.deepEqual(
      failures.filter((failure) => !failure.includes('/events')),
      [],
    );
    await context.close();
  });
}
