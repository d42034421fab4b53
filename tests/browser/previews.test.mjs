// Previews in a browser: real servers in the sandbox, opened as a person opens them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { start } from './browser.mjs';

const DIRECTORY = import.meta.dirname;

const { browser, sandbox } = await start();
await sandbox.fs.uploadDir(`${DIRECTORY}/site`, 'site');
await sandbox.fs.uploadDir(`${DIRECTORY}/node_modules`, 'site/node_modules', { exclude: ['playwright-core'] });
await sandbox.process.spawn('cd site && exec node node_modules/vite/bin/vite.js');
await sandbox.process.spawn('cd site && exec python3 -um http.server --bind 127.0.0.1 8000');
await sandbox.process.waitForPort(5173, 120);
await sandbox.process.waitForPort(8000, 120);

/** The address of a link in the form with a host name, which browsers resolve by themselves. */
async function byHost(port) {
  const { token, url } = await sandbox.getSignedPreviewUrl(port, 600);
  return `http://${port}-${token}.localhost:${new URL(url).port}/`;
}

async function byAddress(port) {
  return (await sandbox.getSignedPreviewUrl(port, 600)).url;
}

for (const [form, link] of Object.entries({ byAddress, byHost })) {
  test(`a development server runs behind a signed link ${form}, with hot updates`, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const failures = [];
    page.on('requestfailed', (request) => failures.push(`${request.url()} ${request.failure()?.errorText}`));
    page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
    await sandbox.fs.uploadFile(Buffer.from("export const message = 'first';\n"), 'site/message.mjs');
    // Vite tells a page of changes once it has told it that they are connected.
    const connected = page.waitForEvent('websocket').then(async (socket) => {
      await socket.waitForEvent('framereceived');
      return socket;
    });
    await page.goto(await link(5173));
    await page.waitForFunction(() => document.querySelector('#message').textContent === 'first');
    const socket = await connected;
    assert.equal(socket.isClosed(), false);
    const loaded = await page.textContent('#loaded');

    // Vite tells the page by its WebSocket, with a subprotocol of its own.
    await sandbox.fs.uploadFile(Buffer.from("export const message = 'second';\n"), 'site/message.mjs');
    await page.waitForFunction(() => document.querySelector('#message').textContent === 'second');
    assert.equal(await page.textContent('#loaded'), loaded, 'the page was loaded again');

    await page.reload();
    await page.waitForFunction(() => document.querySelector('#message').textContent === 'second');
    assert.deepEqual(failures, []);
    await context.close();
  });
}

test('the address bar shows no token, and the cookie brings the page back', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const { url, token } = await sandbox.getSignedPreviewUrl(8000, 600);
  await page.goto(`${url}/index.html?a=1`);
  assert.equal(page.url().includes(token), false, page.url());
  assert.equal(new URL(page.url()).search, '?a=1');
  const reloaded = await page.reload();
  assert.equal(reloaded.status(), 200);
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Lax']);

  await sandbox.expireSignedPreviewUrl(8000, token);
  const gone = await page.reload().then(
    (answer) => answer.status(),
    () => 0,
  );
  assert.notEqual(gone, 200);
  await context.close();
});

test('a preview link opens in a browser with its token in the query, once', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const { url, token } = await sandbox.getPreviewLink(8000);
  const closed = await page.goto(`${url}/index.html`);
  assert.equal(closed.status(), 401);
  await page.goto(`${url}/index.html?DAYTONA_SANDBOX_AUTH_KEY=${token}`);
  assert.equal(page.url(), `${url}/index.html`);
  assert.equal((await page.reload()).status(), 200);
  await context.close();
});

test('a forwarded port is an origin like any other', async () => {
  const forwarded = await sandbox.forwardPort(5173);
  after(() => forwarded.close());
  const page = await browser.newPage();
  await page.goto(`http://localhost:${forwarded.localPort}/`);
  await page.waitForFunction(() => document.querySelector('#message').textContent !== '');
  await page.close();
});
